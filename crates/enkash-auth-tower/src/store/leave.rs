use std::fmt;

use enkash_auth_core::{
    Grant, Moment,
    strikes::{Attempt, Ledger, Settlement},
};

use super::{Edition, Principal, StoredToken};

/// Leave for one attempt, from a [`TokenStore`](super::TokenStore).
///
/// Whoever has it sends the password once and then says how that went; dropped before, the attempt
/// stays on the record as one of which nobody knows, unless the store knows better.
///
/// # Examples
///
/// A store in which leave that was dropped need not wait for its lease to end:
///
/// ```
/// use std::sync::{Arc, Mutex};
/// use enkash_auth_core::{Credentials, Moment, RefreshPolicy};
/// use enkash_auth_core::strikes::{Bid, Holder, Ledger, Opening};
/// use enkash_auth_tower::{Edition, Leave};
///
/// let ledger = Arc::new(Mutex::new(Ledger::new([7; 32])));
/// let begin = |cache| {
///     let mut held = ledger.lock().unwrap();
///     let keys = Credentials::merchant("key", "secret").ledger_fingerprint(held.salt());
///     let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
///     let Opening::Granted(attempt) = held.begin(keys, &bid, Moment::new(0, 0)) else { return None };
///     let (leave, ledger) = (Leave::new(attempt, Edition::new(&held, &attempt)), ledger.clone());
///     Some(leave.or_else(move |ended| ledger.lock().unwrap().finish(attempt, ended)))
/// };
/// let leave = begin(1);
/// assert!(leave.is_some() && begin(2).is_none());
/// drop(leave);
/// assert!(begin(2).is_some());
/// ```
pub struct Leave {
    attempt: Attempt,
    edition: Edition,
    ended: Settlement,
    unsettled: Option<Unsettled>,
}

type Unsettled = Box<dyn FnOnce(Settlement) + Send + Sync>;

impl Leave {
    /// Leave for `attempt`, whose token will be that of `edition`.
    pub fn new(attempt: Attempt, edition: Edition) -> Self {
        Self {
            attempt,
            edition,
            ended: Settlement::Interrupted,
            unsettled: None,
        }
    }

    /// The same, with what to do should it be dropped before the store was told how the attempt ended.
    ///
    /// `then` gets how it ended where that is known by then, and [`Settlement::Interrupted`] where it
    /// is not. What `then` holds is dropped in either case.
    #[must_use]
    pub fn or_else(mut self, then: impl FnOnce(Settlement) + Send + Sync + 'static) -> Self {
        self.unsettled = Some(Box::new(then));
        self
    }

    /// The attempt.
    pub fn attempt(&self) -> Attempt {
        self.attempt
    }

    /// Which token it will bring.
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// Settles the attempt, which was made with the credentials of `principal`, in `ledger`, also
    /// where that has no record of it. True where it has: then the token is one of its own.
    pub fn settle(
        &self,
        ledger: &mut Ledger,
        principal: &Principal,
        settlement: Settlement,
        now: Moment,
    ) -> bool {
        let is_known = Edition::new(ledger, &self.attempt) == self.edition;
        if is_known {
            ledger.finish(self.attempt, settlement);
        } else {
            let fingerprint = principal.ledger_fingerprint(ledger.salt());
            ledger.finish_unrecorded(self.edition.parts(), fingerprint, settlement, now);
        }
        is_known
    }

    /// The token that `grant` brought for this attempt, where it is news beside the one of `held`: that
    /// may be of a later attempt. To be kept where the ledger knows of the attempt.
    pub fn news(&self, grant: &Grant, held: Option<Edition>) -> Option<StoredToken> {
        let fresh = || StoredToken::new(grant.bearer().clone(), *grant.lifetime(), self.edition);
        self.edition.is_news_to(held).then(fresh)
    }

    /// The attempt ended so, and the store is yet to be told.
    pub(crate) fn ended(&mut self, settlement: Settlement) {
        self.ended = settlement;
    }

    /// The store knows how the attempt went.
    pub(crate) fn settled(mut self) {
        self.unsettled = None;
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(then) = self.unsettled.take() {
            then(self.ended);
        }
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leave")
            .field("attempt", &self.attempt)
            .field("edition", &self.edition)
            .finish_non_exhaustive()
    }
}
