use enkash_auth_core::{
    Error, ErrorKind, Moment,
    strikes::{BUDGET, budget_spent},
};

use super::{Applicant, Passed, Permit, debts::Debts, limited::Limited, notes::Notes};
use crate::{
    BoxError, meter,
    store::{Begin, Edition, MemoryStore, OnStoreDown, Principal, StoredToken, Tally, TokenStore},
    sync::{Arc, Mutex},
};

/// How often a store may offer a token, one after another, that is of no use.
const OFFERS: usize = 3;

/// The gate of one cache.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(super) store: Arc<dyn TokenStore>,
    /// With the record of this process, for when the store is down: it hears of every attempt of this
    /// cache that counts.
    pub(super) fallback: Arc<dyn TokenStore>,
    on_store_down: OnStoreDown,
    notes: Mutex<Notes>,
    pub(super) debts: Arc<Debts>,
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
            notes: Mutex::new(Notes::new(principal)),
            debts: Arc::default(),
        }
    }

    /// The strikes of the account, as last seen.
    pub(crate) fn strikes(&self) -> Tally {
        self.notes.lock().strikes
    }

    /// Other credentials are used from now on. What was known of the old ones is the caller's to drop,
    /// outside its lock: there may be an error of the user's in it.
    pub(crate) fn change_principal(&self, principal: &Principal) -> impl Sized + use<> {
        let mut new = Notes::new(principal);
        let mut notes = self.notes.lock();
        if notes.principal.account() == principal.account() {
            new.strikes = notes.strikes;
        }
        std::mem::replace(&mut *notes, new)
    }

    /// Which token the cache holds; `None` where it has none of a store.
    pub(in crate::flight) fn held(&self, principal: &Principal) -> Option<Edition> {
        self.update(principal, |notes| notes.held).flatten()
    }

    /// The cache holds the token of `edition` now.
    pub(crate) fn landed(&self, principal: &Principal, edition: Option<Edition>) {
        self.update(principal, |notes| notes.held = edition);
    }

    /// Forgets the strikes of the account.
    pub(crate) async fn reset(&self, principal: &Principal, now: Moment) -> Result<(), Error> {
        // What is told now cannot come back later.
        let told = self.debts.pay(&self.store, now).await;
        told.map_err(unavailable)?;
        // The record of this process last: it holds as long as the store was not told.
        for store in [&self.store, &self.fallback] {
            Limited::new(store, principal)
                .reset(now)
                .await
                .map_err(unavailable)?;
        }
        let old = self.update(principal, |notes| {
            notes.strikes = Tally::default();
            notes.denied.take()
        });
        drop(old);
        Ok(())
    }

    /// Asks for leave. `again`: the answer before was to come again.
    /// `known` is the newest token that the flight has seen.
    pub(in crate::flight) async fn pass(
        &self,
        who: &Applicant<'_>,
        again: bool,
        known: &mut Option<Edition>,
    ) -> Passed {
        match self.ask(who, again, known).await {
            Ok(passed) => passed,
            Err(down) => {
                meter::store_failed(who.principal.account());
                self.without_store(who, down).await
            }
        }
    }

    async fn ask(
        &self,
        who: &Applicant<'_>,
        again: bool,
        known: &mut Option<Edition>,
    ) -> Result<Passed, BoxError> {
        let store = Limited::new(&self.store, who.principal);
        let refusals = self.update(who.principal, |notes| notes.refusals);
        self.debts.pay(&self.store, who.clock.now()).await?;
        if !again {
            let standing = store.load(who.clock.now()).await?;
            self.update(who.principal, |notes| notes.strikes = standing.strikes);
            if let Some(token) = standing
                .token
                .and_then(|token| self.take(who, token, known))
            {
                return Ok(Passed::Token(token));
            }
        }
        for _ in 0..OFFERS {
            if !self.is_of(who.principal) {
                let detail = "other credentials are used by now; nothing was sent";
                return Ok(Passed::Denied(Error::new(ErrorKind::Unavailable, detail)));
            }
            let now = who.clock.now();
            match store.begin(who.bid, *known, now, &self.debts).await? {
                Begin::Found(token) => {
                    self.count_anew(&store, who, again).await;
                    if let Some(token) = self.take(who, token, known) {
                        return Ok(Passed::Token(token));
                    }
                }
                Begin::Granted(leave)
                    if self.update(who.principal, |notes| notes.refusals) != refusals =>
                {
                    // A flight that was abandoned has learned it since: the store may not know yet.
                    let now = who.clock.now();
                    self.debts
                        .give_back(leave, who.principal, &self.store, now)
                        .await;
                    return Ok(Passed::Busy);
                }
                Begin::Granted(leave) => {
                    drop(self.update(who.principal, |notes| notes.denied.take()));
                    return Ok(Passed::Permit(Permit {
                        is_proven: leave.attempt().is_proven(),
                        is_fallback: false,
                        leave,
                    }));
                }
                Begin::Busy => return Ok(Passed::Busy),
                Begin::Denied(error) => {
                    self.count_anew(&store, who, again).await;
                    self.learn_denial(who, &error);
                    return Ok(Passed::Denied(error));
                }
            }
        }
        Err("the store offers nothing but tokens of no use".into())
    }

    /// Who has waited for another's attempt does not know yet how that changed the strikes.
    async fn count_anew(&self, store: &Limited, who: &Applicant<'_>, has_waited: bool) {
        if has_waited && let Ok(standing) = store.load(who.clock.now()).await {
            self.update(who.principal, |notes| notes.strikes = standing.strikes);
        }
    }

    /// `token`, where it is news and of use. It was brought by these very credentials: they are good,
    /// unless some were refused since.
    pub(super) fn take(
        &self,
        who: &Applicant<'_>,
        token: StoredToken,
        known: &mut Option<Edition>,
    ) -> Option<StoredToken> {
        if !token.edition().is_news_to(*known) {
            return None;
        }
        *known = Some(token.edition());
        let is_usable = who.can_use(&token);
        let (is_taken, denied) = self.update(who.principal, |notes| {
            if !is_usable || notes.strikes.definite > 0 {
                return (is_usable, None);
            }
            notes.is_proven = true;
            (true, notes.denied.take())
        })?;
        drop(denied);
        is_taken.then_some(token)
    }

    /// Whether the credentials of `principal` are those that are used still.
    fn is_of(&self, principal: &Principal) -> bool {
        self.notes.lock().principal.is(principal)
    }

    /// Changes what is known of `principal`, if that is the one whose credentials are used still.
    pub(super) fn update<T>(
        &self,
        principal: &Principal,
        f: impl FnOnce(&mut Notes) -> T,
    ) -> Option<T> {
        let mut notes = self.notes.lock();
        notes.principal.is(principal).then(|| f(&mut notes))
    }

    async fn without_store(&self, who: &Applicant<'_>, down: BoxError) -> Passed {
        let is_proven = match self.known_without_store(who) {
            Ok(is_proven) => is_proven,
            Err(closed) => return Passed::Denied(closed),
        };
        if !is_proven && self.on_store_down == OnStoreDown::Wait {
            return Passed::Denied(unavailable(down));
        }
        let fallback = Limited::new(&self.fallback, who.principal);
        let now = who.clock.now();
        match fallback.begin(who.bid, None, now, &self.debts).await {
            Ok(Begin::Granted(leave)) => {
                tracing::warn!(
                    error = &*down,
                    "token store unavailable: going on without it"
                );
                Passed::Permit(Permit {
                    is_proven: is_proven || leave.attempt().is_proven(),
                    is_fallback: true,
                    leave,
                })
            }
            Ok(Begin::Busy) => Passed::Busy,
            Ok(Begin::Denied(error)) => Passed::Denied(error),
            // It keeps no token and never fails.
            Ok(Begin::Found(_)) | Err(_) => Passed::Denied(unavailable(down)),
        }
    }

    /// Whether the credentials are known to be good, by what the store said last and has not been
    /// told yet; an error where that lets nothing through.
    fn known_without_store(&self, who: &Applicant<'_>) -> Result<bool, Error> {
        if let Some(refused) = self.debts.refusal(who.principal) {
            return Err(refused);
        }
        let untold = self.debts.strikes(who.principal.account());
        self.update(who.principal, |notes| {
            if let Some(denied) = &notes.denied {
                return Err(denied.clone());
            }
            if notes.strikes.definite + notes.strikes.possible + untold >= BUDGET {
                return Err(budget_spent(ErrorKind::StoreUnavailable));
            }
            Ok(notes.is_proven)
        })
        .unwrap_or(Ok(false))
    }

    /// What the store refuses is not done without it either.
    fn learn_denial(&self, who: &Applicant<'_>, error: &Error) {
        if error.kind().is_rejection() || error.kind() == ErrorKind::Unresolved {
            let denied = Some(error.clone());
            drop(self.update(who.principal, |notes| {
                std::mem::replace(&mut notes.denied, denied)
            }));
        }
    }
}

fn unavailable(source: BoxError) -> Error {
    Error::new(ErrorKind::StoreUnavailable, "").with_source(source)
}
