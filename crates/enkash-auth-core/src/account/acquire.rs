use std::{borrow::Cow, convert::Infallible, time::Duration};

use super::{AttemptId, Fingerprint};
use crate::{Credentials, Failure, FailureKind};

/// Describes the attempt that a fetch requests.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the protocol makes it")]
pub struct AttemptContext<'a> {
    /// The id of the attempt.
    pub id: AttemptId,
    /// The salt of its fingerprint: 16 random bytes.
    pub salt: [u8; 16],
    /// The credentials to send.
    pub credentials: &'a Credentials,
    /// How long the attempt may be in flight.
    pub lease: Duration,
    /// The time after which unresolved attempts no longer close the account; `None` means never.
    pub retry_unresolved_after: Option<Duration>,
    /// Whether the server has just responded to a probe; `None` if none was sent.
    pub probe: Option<bool>,
}

/// Represents whether an attempt may be made, with the permit `P`, or the error `E`. The facts know of no token
/// `T`; the permit protocol does.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol handles all")]
pub enum Acquire<P = Permit, T = Infallible, E = Failure> {
    /// It may be made, once the facts are written.
    Granted(P),
    /// It need not be made: another one obtained this token.
    Token(T),
    /// A probe has to be sent first; its result goes into the next context.
    Probe,
    /// Another attempt is in flight. `None` if the facts are contended.
    Busy(Option<Lease>),
    /// It may not be made.
    Denied(E),
}

/// Describes the lease of an attempt that blocks others.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "the protocol polls by it")]
pub struct Lease {
    /// How long the attempt has been in flight.
    pub age: Duration,
    /// After what time it will have passed.
    pub left: Duration,
}

/// Permits one attempt.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Permit {
    pub(super) id: AttemptId,
    pub(super) fingerprint: Fingerprint,
    /// The attempts that its success ends.
    pub(super) ends: Vec<AttemptId>,
    /// The success that makes the credentials known good.
    pub(super) known_good: Option<AttemptId>,
}

impl Permit {
    /// Returns the id of the attempt.
    pub fn id(&self) -> AttemptId {
        self.id
    }

    /// Returns whether the credentials are known good.
    pub fn is_known_good(&self) -> bool {
        self.known_good.is_some()
    }
}

/// Denies credentials that were rejected before.
pub fn rejected_before() -> Acquire {
    let detail = "the token server has rejected these credentials before; nothing was sent; change \
                  them, or run `enkash-sidecar reset --allow-rejected` or call \
                  `TokenCache::allow_rejected`";
    denied(FailureKind::Rejected, detail)
}

/// Denies an account that the server has locked.
pub fn locked() -> Acquire {
    let detail = "nothing was sent; once EnKash has unlocked it, run `enkash-sidecar reset` or call \
                  `TokenCache::reset`";
    denied(FailureKind::AccountLocked, detail)
}

/// Denies an account whose budget is spent; `rejected` is how many attempts were rejected.
pub fn closed(rejected: usize) -> Acquire {
    let count = match rejected {
        0 => "two attempts are unresolved",
        1 => "one attempt was rejected and another is unresolved",
        _ => "two attempts were rejected",
    };
    let allow = match rejected {
        0 => "",
        _ => ", with `--allow-rejected` if it was rejected,",
    };
    let detail = format!(
        "{count}, and a third could lock it; nothing was sent; once the password is known to be right, \
         run `enkash-sidecar reset`{allow} or call `TokenCache::reset`"
    );
    denied(FailureKind::AccountClosed, detail)
}

/// Denies known good credentials during the backoff after two attempts without a response.
pub fn backoff_after_lost_attempts() -> Acquire {
    let detail = "the last token requests had no response; the next is sent 15 minutes after them";
    denied(FailureKind::Unavailable, detail)
}

/// Denies known good credentials while the token server does not respond to a probe.
pub fn no_probe_response() -> Acquire {
    let detail = "the last token request had no response; the next is sent when the server responds to a probe";
    denied(FailureKind::Unavailable, detail)
}

fn denied(kind: FailureKind, detail: impl Into<Cow<'static, str>>) -> Acquire {
    Acquire::Denied(Failure::new(kind, detail))
}
