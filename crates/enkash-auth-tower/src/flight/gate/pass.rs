use enkash_auth_core::{Error, ErrorKind, Grant, Moment, strikes::Settlement};

use super::{
    Applicant, Passed, Permit,
    books::Books,
    debts::{Debt, Debts},
    limited::Limited,
};
use crate::{
    BoxError,
    store::{Begin, Edition, MemoryStore, OnStoreDown, Principal, StoredToken, Tally, TokenStore},
    sync::{Arc, Mutex},
};

/// The gate of one cache.
#[derive(Debug)]
pub(crate) struct Gate {
    store: Arc<dyn TokenStore>,
    /// With the record of this process, for when the store is down.
    fallback: Arc<dyn TokenStore>,
    on_store_down: OnStoreDown,
    books: Mutex<Books>,
    debts: Debts,
}

impl Gate {
    pub(crate) fn new(
        store: Arc<dyn TokenStore>,
        on_store_down: OnStoreDown,
        principal: &Principal,
    ) -> Self {
        Self {
            store,
            fallback: Arc::new(MemoryStore::of_process()),
            on_store_down,
            books: Mutex::new(Books::new(principal)),
            debts: Debts::default(),
        }
    }

    /// The strikes of the account, as last seen.
    pub(crate) fn strikes(&self) -> Tally {
        self.books.lock().strikes
    }

    /// Other credentials are used from now on.
    pub(crate) fn change_principal(&self, principal: &Principal) {
        let new = Books::new(principal);
        let old = std::mem::replace(&mut *self.books.lock(), new);
        drop(old);
    }

    /// Forgets the strikes of the account.
    pub(crate) async fn reset(&self, principal: &Principal, now: Moment) -> Result<(), Error> {
        for store in [&self.fallback, &self.store] {
            Limited::new(store, principal)
                .reset(now)
                .await
                .map_err(unavailable)?;
        }
        self.debts.forgive(principal.account());
        self.update(principal, |books| books.strikes = Tally::default());
        Ok(())
    }

    /// Asks for leave. `again`: the answer before was to come again.
    pub(in crate::flight) async fn pass(&self, who: &Applicant<'_>, again: bool) -> Passed {
        match self.ask(who, again).await {
            Ok(passed) => passed,
            Err(down) => self.without_store(who, down).await,
        }
    }

    async fn ask(&self, who: &Applicant<'_>, again: bool) -> Result<Passed, BoxError> {
        let store = Limited::new(&self.store, who.principal);
        if !self.debts.pay(&self.store, who.bid, who.clock).await? {
            return Ok(Passed::Busy);
        }
        let mut offered = None;
        if !again {
            let standing = store.load(who.clock.now()).await?;
            self.update(who.principal, |books| books.strikes = standing.strikes);
            offered = standing.token;
        }
        loop {
            if let Some(token) = offered.take().and_then(|token| self.take(who, token)) {
                return Ok(Passed::Token(token));
            }
            let known = self.update(who.principal, |books| books.known).flatten();
            return Ok(match store.begin(who.bid, known, who.clock.now()).await? {
                Begin::Found(token) => {
                    offered = Some(token);
                    continue;
                }
                Begin::Granted(leave) => Passed::Permit(Permit {
                    is_proven: leave.attempt().is_proven(),
                    is_fallback: false,
                    leave,
                }),
                Begin::Busy => Passed::Busy,
                Begin::Denied(error) => Passed::Denied(error),
            });
        }
    }

    /// `token`, where it is news and of use. It was brought by these very credentials: they are good.
    fn take(&self, who: &Applicant<'_>, token: StoredToken) -> Option<StoredToken> {
        let is_usable = who.can_use(&token);
        let is_taken = self.update(who.principal, |books| {
            let is_news = token.edition().is_news_to(books.known);
            if is_news {
                books.known = Some(token.edition());
                books.is_proven |= is_usable;
            }
            is_news && is_usable
        });
        is_taken.unwrap_or(false).then_some(token)
    }

    /// Changes what is known of `principal`, if that is the one whose credentials are used still.
    fn update<T>(&self, principal: &Principal, f: impl FnOnce(&mut Books) -> T) -> Option<T> {
        let mut books = self.books.lock();
        books.principal.is(principal).then(|| f(&mut books))
    }

    async fn without_store(&self, who: &Applicant<'_>, down: BoxError) -> Passed {
        if let Some(refused) = self.debts.refusal(who.principal) {
            return Passed::Denied(refused);
        }
        let is_proven = self
            .update(who.principal, |books| books.is_proven)
            .unwrap_or(false);
        if !is_proven && self.on_store_down == OnStoreDown::Wait {
            return Passed::Denied(unavailable(down));
        }
        tracing::warn!(
            error = &*down,
            "token store unavailable: going on without it"
        );
        self.update(who.principal, |books| books.fell_back = true);
        let fallback = Limited::new(&self.fallback, who.principal);
        match fallback.begin(who.bid, None, who.clock.now()).await {
            Ok(Begin::Granted(leave)) => Passed::Permit(Permit {
                is_proven: is_proven || leave.attempt().is_proven(),
                is_fallback: true,
                leave,
            }),
            Ok(Begin::Busy) => Passed::Busy,
            Ok(Begin::Denied(error)) => Passed::Denied(error),
            // It keeps no token and never fails.
            Ok(Begin::Found(_)) | Err(_) => Passed::Denied(unavailable(down)),
        }
    }

    /// Tells how an attempt went. Returns the token that came after the one it brought, if any did.
    pub(in crate::flight) async fn settle(
        &self,
        who: &Applicant<'_>,
        permit: Permit,
        settlement: Settlement,
        grant: Option<&Grant>,
    ) -> Option<StoredToken> {
        let Permit {
            leave,
            is_proven,
            is_fallback,
        } = permit;
        let settlement = match settlement {
            // Credentials that are good are not to blame.
            Settlement::Interrupted if is_proven => Settlement::Harmless,
            other => other,
        };
        let edition = (!is_fallback).then(|| leave.edition());
        self.learn(who, edition, settlement);
        let store = if is_fallback {
            &self.fallback
        } else {
            &self.store
        };
        let store = Limited::new(store, who.principal);
        // The fallback keeps the record, and no token.
        let kept = grant.filter(|_| !is_fallback);
        let told = store
            .finish(&leave, settlement, kept, who.clock.now())
            .await;
        let debt = |leave| Debt {
            principal: who.principal.clone(),
            leave,
            settlement,
            grant: grant.cloned(),
        };
        match told {
            Ok(standing) => {
                leave.settled();
                self.update(who.principal, |books| books.strikes = standing.strikes);
                if is_fallback && may_count(settlement) {
                    self.debts.owe(debt(None));
                }
                if !is_fallback && settlement == Settlement::Granted {
                    self.forgive_fallback(who).await;
                }
                let newer = standing
                    .token
                    .filter(|token| edition.is_some() && token.edition().is_news_to(edition));
                newer.and_then(|token| self.take(who, token))
            }
            Err(error) => {
                tracing::warn!(
                    error = &*error,
                    "token store unavailable: it learns later how the attempt went"
                );
                self.debts.owe(debt(Some(leave)));
                None
            }
        }
    }

    fn learn(&self, who: &Applicant<'_>, edition: Option<Edition>, settlement: Settlement) {
        self.update(who.principal, |books| match settlement {
            Settlement::Granted => {
                books.is_proven = true;
                books.known = edition.or(books.known);
            }
            Settlement::Rejected(_) => books.is_proven = false,
            Settlement::Harmless | Settlement::Unresolved | Settlement::Interrupted => {}
        });
    }

    /// A success clears everything, also what was recorded while the store was down.
    async fn forgive_fallback(&self, who: &Applicant<'_>) {
        let principal = who.principal;
        let fell_back = self.update(principal, |books| std::mem::take(&mut books.fell_back));
        if fell_back == Some(true) {
            // It never fails.
            let reset = self.fallback.reset(principal.account(), who.clock.now());
            let _ = reset.await;
        }
    }
}

fn may_count(settlement: Settlement) -> bool {
    !matches!(settlement, Settlement::Granted | Settlement::Harmless)
}

fn unavailable(source: BoxError) -> Error {
    Error::new(ErrorKind::StoreUnavailable, "").with_source(source)
}
