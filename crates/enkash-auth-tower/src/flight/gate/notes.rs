use enkash_auth_core::Error;

use crate::store::{Edition, Principal, Tally};

/// What a cache knows of its principal.
#[derive(Debug)]
pub(super) struct Notes {
    /// Of whom the rest is.
    pub(super) principal: Principal,
    /// The token that the cache holds, where it is one of the store.
    pub(super) held: Option<Edition>,
    /// Whether the credentials have succeeded, and were not refused since.
    pub(super) is_proven: bool,
    /// How often the server has refused them, as far as this cache knows.
    pub(super) refusals: u64,
    /// As last seen in the store.
    pub(super) strikes: Tally,
    /// Why the store gave no leave when it was last asked.
    pub(super) denied: Option<Error>,
}

impl Notes {
    pub(super) fn new(principal: &Principal) -> Self {
        Self {
            principal: principal.clone(),
            held: None,
            is_proven: false,
            refusals: 0,
            strikes: Tally::default(),
            denied: None,
        }
    }
}
