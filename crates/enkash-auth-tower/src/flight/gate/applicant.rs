use enkash_auth_core::{Clock, Error, RefreshPolicy, lifetime::Schedule, strikes::Bid};

use crate::store::{Leave, Principal, StoredToken};

/// Somebody who wants to make an attempt.
pub(in crate::flight) struct Applicant<'a> {
    pub(in crate::flight) principal: &'a Principal,
    pub(in crate::flight) bid: Bid,
    pub(in crate::flight) clock: &'a dyn Clock,
    pub(in crate::flight) policy: &'a RefreshPolicy,
}

/// What the gate says.
pub(in crate::flight) enum Passed {
    /// Send the password, once.
    Permit(Permit),
    /// Send nothing: somebody else has brought this.
    Token(StoredToken),
    /// Somebody else's attempt is on: come again.
    Busy,
    /// Send nothing.
    Denied(Error),
}

/// Leave for one attempt, and whom to tell how it went.
pub(in crate::flight) struct Permit {
    pub(super) leave: Leave,
    pub(super) is_proven: bool,
    pub(super) is_fallback: bool,
}

impl Applicant<'_> {
    /// Whether `token` could be attached now.
    pub(super) fn can_use(&self, token: &StoredToken) -> bool {
        Schedule::new(token.lifetime(), self.policy, 0.0)
            .is_some_and(|schedule| !schedule.deadline().is_over(self.clock.now()))
    }
}

impl Permit {
    /// Whether these credentials have succeeded before.
    pub(in crate::flight) fn is_proven(&self) -> bool {
        self.is_proven
    }
}
