use enkash_auth_core::Error;

use crate::store::{Edition, Principal, Tally};

/// What a cache knows of its principal.
#[derive(Debug)]
pub(super) struct Books {
    /// Of whom the rest is.
    pub(super) principal: Principal,
    /// The newest token that this cache has seen.
    pub(super) known: Option<Edition>,
    /// Whether the credentials have succeeded, and were not refused since.
    pub(super) is_proven: bool,
    /// As last seen in the store.
    pub(super) strikes: Tally,
    /// Why the store gave no leave when it was last asked.
    pub(super) denied: Option<Error>,
}

impl Books {
    pub(super) fn new(principal: &Principal) -> Self {
        Self {
            principal: principal.clone(),
            known: None,
            is_proven: false,
            strikes: Tally::default(),
            denied: None,
        }
    }
}
