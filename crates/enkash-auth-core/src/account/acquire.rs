use std::time::Duration;

use super::{AttemptId, Fingerprint};
use crate::{Credentials, Error};

/// Describes the attempt that a fetch asks for.
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
    /// The time after which unresolved attempts no longer close the account; `None` means never.
    pub retry_unresolved_after: Option<Duration>,
    /// Whether the server has just responded to a probe; `None` if none was sent.
    pub probe: Option<bool>,
}

/// Says whether an attempt may be made.
#[derive(Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the permit protocol handles all of it"
)]
pub enum Acquire {
    /// It may be made, once the facts are written.
    Granted(Permit),
    /// A probe has to be sent first; its result goes into the next context.
    Probe,
    /// Another attempt is in flight.
    Busy,
    /// It may not be made.
    Denied(Error),
}

/// Permits one attempt.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Permit {
    id: AttemptId,
    fingerprint: Fingerprint,
    /// The attempts that its success ends.
    ends: Vec<AttemptId>,
    /// The success that makes the credentials known good.
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

    /// Returns the id of the attempt.
    pub fn id(&self) -> AttemptId {
        self.id
    }

    /// Returns the fingerprint of what is sent.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns whether the credentials are known good.
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
