use std::time::Duration;

use super::{AttemptId, Fingerprint};
use crate::{Credentials, Error};

/// What an attempt is about, and what is known for it.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "made by the permit protocol alone"
)]
pub struct AttemptContext<'a> {
    /// The id that the attempt will have.
    pub id: AttemptId,
    /// The salt of its fingerprint: 16 random bytes.
    pub salt: [u8; 16],
    /// What would be sent.
    pub credentials: &'a Credentials,
    /// How long the attempt may be in flight.
    pub lease: Duration,
    /// After how long unresolved attempts do not close the account any more; `None` is never.
    pub retry_unresolved_after: Option<Duration>,
    /// Whether the server has just answered a probe; `None` where none was sent.
    pub probe: Option<bool>,
}

/// Whether an attempt may be made.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the permit protocol handles all of it"
)]
pub enum Acquire {
    /// It may, once the facts are written.
    Granted(Permit),
    /// Only once it is known whether the server answers a probe.
    Probe,
    /// Another attempt is in flight.
    Busy,
    /// It may not.
    Denied(Error),
}

/// Permission for one attempt.
#[derive(Clone, Debug)]
pub struct Permit {
    id: AttemptId,
    fingerprint: Fingerprint,
    /// The attempts that its success ends.
    ends: Vec<AttemptId>,
    /// The success that shows that the credentials are good.
    known_good: Option<AttemptId>,
}

impl Permit {
    pub(super) fn new(
        id: AttemptId,
        fingerprint: Fingerprint,
        ends: Vec<AttemptId>,
        known_good: Option<AttemptId>,
    ) -> Self {
        Self {
            id,
            fingerprint,
            ends,
            known_good,
        }
    }

    /// The id of the attempt.
    pub fn id(&self) -> AttemptId {
        self.id
    }

    /// The fingerprint of what is sent.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Whether the last success was of these credentials.
    pub fn is_known_good(&self) -> bool {
        self.known_good.is_some()
    }

    pub(super) fn known_good(&self) -> Option<AttemptId> {
        self.known_good
    }

    pub(super) fn ends(&self) -> &[AttemptId] {
        &self.ends
    }
}
