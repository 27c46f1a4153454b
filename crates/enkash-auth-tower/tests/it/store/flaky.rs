use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{
    AccountId, Grant, Moment,
    strikes::{Bid, Settlement},
};
use enkash_auth_tower::{
    Begin, Edition, Leave, MemoryStore, Principal, Standing, StoreFuture, TokenStore,
};
use futures_util::FutureExt;
use tokio::time::sleep;

/// How a store fares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(crate) enum Mood {
    Well,
    Refusing,
    Hanging,
    /// It answers `load`, and nothing that writes.
    ReadOnly,
    /// It takes 300 ms before it does anything.
    Slow,
    /// It takes a second before it writes anything.
    Tardy,
    /// It does what it is told, and never says so.
    Mute,
    /// It does what it is told, and says so a second later.
    Late,
}

/// A store that can be down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flaky {
    inner: Arc<MemoryStore>,
    mood: Arc<AtomicU8>,
    begins: Arc<AtomicU32>,
    unsettled: Arc<AtomicU32>,
}

impl Flaky {
    pub(crate) fn set(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// How often somebody wanted leave.
    pub(crate) fn begins(&self) -> u32 {
        self.begins.load(Ordering::Relaxed)
    }

    /// How often leave was dropped by somebody who had not said how it went.
    pub(crate) fn unsettled(&self) -> u32 {
        self.unsettled.load(Ordering::Relaxed)
    }

    fn watched(&self, principal: &Principal, leave: Leave, now: Moment) -> Leave {
        let (inner, principal) = (Arc::clone(&self.inner), principal.clone());
        let unsettled = Arc::clone(&self.unsettled);
        Leave::new(leave.attempt(), leave.edition()).or_else(move |ended| {
            unsettled.fetch_add(1, Ordering::Relaxed);
            let finish = inner.finish(&principal, &leave, ended, None, now);
            finish.now_or_never().unwrap().unwrap();
        })
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        writes: bool,
        answer: impl FnOnce() -> StoreFuture<'a, T> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        let is = |mood: Mood| self.mood.load(Ordering::Relaxed) == mood as u8;
        if is(Mood::Hanging) {
            return Box::pin(pending());
        }
        if is(Mood::Refusing) || (writes && is(Mood::ReadOnly)) {
            return Box::pin(async { Err("the store is down".into()) });
        }
        if is(Mood::Slow) {
            return Box::pin(async {
                sleep(Duration::from_millis(300)).await;
                answer().await
            });
        }
        if is(Mood::Tardy) && writes {
            return Box::pin(async {
                sleep(Duration::from_secs(1)).await;
                answer().await
            });
        }
        if is(Mood::Mute) && writes {
            return Box::pin(async {
                drop(answer().await);
                pending().await
            });
        }
        if is(Mood::Late) && writes {
            return Box::pin(async {
                let answer = answer().await;
                sleep(Duration::from_secs(1)).await;
                answer
            });
        }
        answer()
    }
}

impl TokenStore for Flaky {
    fn load<'a>(&'a self, principal: &'a Principal, now: Moment) -> StoreFuture<'a, Standing> {
        self.answer(false, move || self.inner.load(principal, now))
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin> {
        self.begins.fetch_add(1, Ordering::Relaxed);
        let is_tardy = self.mood.load(Ordering::Relaxed) == Mood::Tardy as u8;
        // By the time that it is then, as of a store with a clock of its own.
        let now = now.plus(Duration::from_secs(is_tardy.into()));
        let begin = self.answer(true, move || self.inner.begin(principal, bid, known, now));
        Box::pin(async move {
            Ok(match begin.await? {
                Begin::Granted(leave) => Begin::Granted(self.watched(principal, leave, now)),
                other => other,
            })
        })
    }

    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing> {
        self.answer(true, move || {
            self.inner.finish(principal, leave, settlement, grant, now)
        })
    }

    fn reset(&self, account: AccountId, now: Moment) -> StoreFuture<'_, ()> {
        self.answer(true, move || self.inner.reset(account, now))
    }
}
