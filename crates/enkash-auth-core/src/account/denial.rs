//! The errors of attempts that are denied.

use crate::{Error, ErrorKind};

/// How to open a closed account. Each error that reports one says it.
const COMMAND: &str = "once the password is known to be right, run `enkash-sidecar reset` or call \
                       `TokenCache::reset`";

/// Returns the error for credentials that were rejected before.
pub(super) fn rejected_before() -> Error {
    let detail = "the token server has rejected these credentials before; nothing was sent; change them, or \
                  run `enkash-sidecar reset --allow-rejected` or call `TokenCache::allow_rejected`";
    Error::new(ErrorKind::Rejected, detail)
}

/// Returns the error for an account that the server has locked.
pub(super) fn locked() -> Error {
    let detail = "nothing was sent; once EnKash has unlocked it, run `enkash-sidecar reset` or call \
                  `TokenCache::reset`";
    Error::new(ErrorKind::AccountLocked, detail)
}

/// Returns the error for an account whose budget is spent; `rejected` is how many attempts were rejected.
pub(super) fn closed(rejected: usize) -> Error {
    let count = match rejected {
        0 => "two attempts are unresolved",
        1 => "one attempt was rejected and another is unresolved",
        _ => "two attempts were rejected",
    };
    let detail = format!("{count}, and a third could lock it; nothing was sent; {COMMAND}");
    Error::new(ErrorKind::AccountClosed, detail)
}

/// Returns the error for known good credentials within the pause after two attempts without a response.
pub(super) fn pause_after_lost_attempts() -> Error {
    let detail = "the last token requests had no response; the next is sent 15 minutes after them";
    Error::new(ErrorKind::Unavailable, detail)
}

/// Returns the error for known good credentials while the token server does not respond to a probe.
pub(super) fn no_probe_answered() -> Error {
    let detail =
        "the last token request had no response; the next is sent when the server answers a probe";
    Error::new(ErrorKind::Unavailable, detail)
}
