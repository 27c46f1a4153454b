//! Why an attempt is not made.

use crate::{Error, ErrorKind};

/// What opens an account that is closed: in each error that says so.
const COMMAND: &str = "once the password is known to be right, run `enkash-sidecar reset` or call \
                       `TokenCache::reset`";

/// These very credentials were rejected.
pub(super) fn rejected_before() -> Error {
    let detail = "the token server has rejected these credentials before; nothing was sent; change them, or \
                  run `enkash-sidecar reset --allow-rejected` or call `TokenCache::allow_rejected`";
    Error::new(ErrorKind::Rejected, detail)
}

/// The server said that it has locked the account.
pub(super) fn locked() -> Error {
    let detail = "nothing was sent; once EnKash has unlocked it, run `enkash-sidecar reset` or call \
                  `TokenCache::reset`";
    Error::new(ErrorKind::AccountLocked, detail)
}

/// As many attempts count as may.
pub(super) fn closed(rejected: usize) -> Error {
    let count = match rejected {
        0 => "two attempts are unresolved",
        1 => "one attempt was rejected and another is unresolved",
        _ => "two attempts were rejected",
    };
    let detail = format!("{count}, and a third could lock it; nothing was sent; {COMMAND}");
    Error::new(ErrorKind::AccountClosed, detail)
}

/// Credentials that are known good have had no response twice.
pub(super) fn pause_after_lost_attempts() -> Error {
    let detail = "the last token requests had no response; the next is sent 15 minutes after them";
    Error::new(ErrorKind::Unavailable, detail)
}

/// The token server answers no probe.
pub(super) fn no_probe_answered() -> Error {
    let detail =
        "the last token request had no response; the next is sent when the server answers a probe";
    Error::new(ErrorKind::Unavailable, detail)
}
