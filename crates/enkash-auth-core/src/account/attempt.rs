use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Fingerprint;
use crate::{Timestamp, hex::Hex};

/// Identifies one attempt, in all processes and for all time: 128 random bits.
///
/// It is also the fencing token of the attempt's lease: only an attempt that is still open on the record
/// may store a token.
#[derive(Clone, Copy, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct AttemptId(Hex<16>);

/// Describes one attempt on the account record: a token request that was sent, or may have been.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
pub struct Attempt {
    pub(super) id: AttemptId,
    pub(super) fingerprint: Fingerprint,
    /// Nanoseconds since the Unix epoch, on the clock of the store.
    pub(super) began: u64,
    /// How long it may be in flight, in milliseconds.
    lease: u64,
    pub(super) state: State,
    /// Fields of a later release.
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// Represents the progress of an attempt that counts. A later variant outranks those before it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// In flight, until it is reported or its lease has passed.
    Open,
    /// It ended without a complete response.
    NoResponse,
    /// Its response neither grants a token nor rejects the credentials.
    Unresolved,
    /// Rejected, by the shape of the response alone.
    Guessed,
    /// Rejected.
    Rejected,
    /// The account is locked.
    Locked,
}

/// Represents how an attempt ended, for the strike budget.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the rules name each of them")]
pub enum AttemptOutcome {
    /// The server granted a token.
    Granted,
    /// The server did not count it: nothing was sent, or the response names another cause than the
    /// credentials.
    Uncounted,
    /// The server may have counted it.
    Unresolved {
        /// Whether a complete response arrived.
        complete: bool,
    },
    /// The server rejected the credentials.
    Rejected {
        /// Whether this follows only from the shape of the response, without a known error code or text.
        guessed: bool,
    },
    /// The server reports that the account is locked.
    Locked,
}

impl AttemptId {
    /// Creates an id from random bits.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(Hex(random))
    }

    /// Returns the id under which a rejection counts if it is reported after the attempt was cleared.
    pub(super) fn derived(self) -> Self {
        Self::of(b"derived", &self.0.0)
    }

    /// Derives an id from `bytes`.
    pub(super) fn of(purpose: &[u8], bytes: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(purpose).chain_update(bytes);
        let digest: [u8; 32] = digest.finalize().into();
        Self(Hex(digest.first_chunk().copied().unwrap_or_default()))
    }
}

impl Attempt {
    pub(super) fn new(
        id: AttemptId,
        fingerprint: Fingerprint,
        now: Timestamp,
        lease: Duration,
        state: State,
    ) -> Self {
        Self {
            id,
            fingerprint,
            began: now.unix_nanos(),
            lease: u64::try_from(lease.as_millis()).unwrap_or(u64::MAX),
            state,
            other: Map::new(),
        }
    }

    /// Returns the id of the attempt.
    pub fn id(&self) -> AttemptId {
        self.id
    }

    /// Returns whether it is open: in flight, according to the record.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Returns whether no complete response to it is recorded.
    pub(super) fn has_no_response(&self) -> bool {
        self.state <= State::NoResponse
    }

    pub(super) fn lease_nanos(&self) -> u64 {
        self.lease.saturating_mul(1_000_000)
    }
}

impl fmt::Debug for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttemptId({self:x})")
    }
}

impl fmt::LowerHex for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
