use std::time::Duration;

use enkash_auth_core::{
    Timestamp,
    account::{AttemptContext, AttemptId},
};

use super::down::Down;
use crate::{RefreshPolicy, account_credentials::AccountCredentials};

/// Describes a fetch that acquires a permit.
#[derive(Debug)]
pub struct FetchContext<'a> {
    pub(crate) account: &'a AccountCredentials,
    pub(crate) policy: &'a RefreshPolicy,
    /// When the fetch ends, on both clocks.
    pub(crate) send_before: Timestamp,
    /// The newest token that it has seen, which is not returned.
    pub(crate) newest_seen: Option<AttemptId>,
    /// Whether the server has just responded to a probe.
    pub(crate) probe: Option<bool>,
    /// Whether enough time remains for an attempt; if not, only another's token is waited for.
    pub(crate) may_begin: bool,
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
            credentials: self.account.credentials(),
            lease,
            retry_unresolved_after,
            probe: self.probe,
        })
    }
}
