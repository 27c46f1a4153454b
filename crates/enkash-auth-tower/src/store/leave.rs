use std::fmt;

use enkash_auth_core::{
    Moment,
    strikes::{Attempt, Ledger, Settlement},
};

use super::{Edition, Principal};

/// Leave for one attempt, from a [`TokenStore`](super::TokenStore).
///
/// Whoever has it sends the password once and then says how that went; dropped before, the attempt
/// stays on the record as one of which nobody knows, unless the store knows better.
pub struct Leave {
    attempt: Attempt,
    edition: Edition,
    unsettled: Option<Box<dyn FnOnce() + Send + Sync>>,
}

impl Leave {
    /// Leave for `attempt`, whose token will be that of `edition`.
    pub fn new(attempt: Attempt, edition: Edition) -> Self {
        Self {
            attempt,
            edition,
            unsettled: None,
        }
    }

    /// The same, with what to do should it be dropped before the attempt is settled. What `then`
    /// holds is dropped in either case.
    #[must_use]
    pub fn or_else(mut self, then: impl FnOnce() + Send + Sync + 'static) -> Self {
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
            let fingerprint = principal.fingerprint(ledger.salt());
            ledger.finish_unrecorded(self.edition.parts(), fingerprint, settlement, now);
        }
        is_known
    }

    /// The store knows how the attempt went.
    pub(crate) fn settled(mut self) {
        self.unsettled = None;
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(then) = self.unsettled.take() {
            then();
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
