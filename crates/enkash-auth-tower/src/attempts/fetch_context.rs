use std::time::Duration;

use enkash_auth_core::{
    Timestamp,
    account::{AttemptContext, AttemptId},
};
use tokio::time::Instant;

use super::down::Down;
use crate::{RefreshPolicy, endpoint::TokenEndpoint};

/// Describes a fetch that acquires a permit.
#[derive(Debug)]
pub struct FetchContext<'a> {
    pub endpoint: &'a TokenEndpoint,
    pub policy: &'a RefreshPolicy,
    /// When the fetch ends, on both clocks.
    pub send_before: Timestamp,
    /// The same, on that of the runtime.
    pub deadline: Instant,
    /// The newest token that it has seen, which is not returned.
    pub newest_seen: Option<AttemptId>,
    /// Whether the server has just responded to a probe.
    pub probe: Option<bool>,
    /// Whether enough time remains for an attempt; if not, only another's token is waited for.
    pub may_begin: bool,
}

impl<'a> FetchContext<'a> {
    /// Creates an attempt with a fresh id.
    pub fn request(
        &self,
        lease: Duration,
        retry_unresolved_after: Option<Duration>,
    ) -> Result<AttemptContext<'a>, Down> {
        let (mut id, mut salt) = ([0; 16], [0; 16]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut salt)?;
        Ok(AttemptContext {
            id: AttemptId::new(id),
            salt,
            credentials: self.endpoint.credentials(),
            lease,
            retry_unresolved_after,
            probe: self.probe,
        })
    }
}
