//! The lifetime field of a grant.

use serde_json::{Value, json};

use crate::choices::{Rounding, Stated};
use crate::issuer::Grant;
use crate::rules::Rules;

const HOUR: i64 = 3600;
const THREE_CENTURIES: i64 = 3 * 100 * 365 * 24 * HOUR;

/// `expires_in` and `expiresIn`: seconds left. `None` is no such field.
pub(crate) fn relative(grant: &Grant, rules: &Rules) -> Option<Value> {
    let left = seconds_left(grant.left, rules.rounding);
    let value = match rules.stated {
        Stated::Truth | Stated::UnixSeconds | Stated::SecondsLeft => json!(left),
        Stated::Quoted => json!(left.to_string()),
        Stated::Zero => json!(0),
        Stated::Negative => json!(-1),
        Stated::HourAgo => {
            let past = grant.left.saturating_sub(grant.lifetime);
            json!(seconds_left(past, rules.rounding).saturating_sub(HOUR))
        }
        Stated::Centuries => json!(left.saturating_add(THREE_CENTURIES)),
        Stated::Absent => return None,
    };
    Some(value)
}

/// `expiry`: the end in Unix milliseconds. `None` is no such field.
pub(crate) fn absolute(grant: &Grant, rules: &Rules) -> Option<Value> {
    let end = grant.expires_at;
    let value = match rules.stated {
        Stated::Truth => json!(end),
        Stated::Quoted => json!(end.to_string()),
        Stated::UnixSeconds => json!(end / 1000),
        Stated::SecondsLeft => json!(seconds_left(grant.left, rules.rounding)),
        Stated::Zero => json!(0),
        Stated::Negative => json!(-1),
        Stated::HourAgo => json!(end.saturating_sub(grant.lifetime + HOUR * 1000)),
        Stated::Centuries => json!(end.saturating_add(THREE_CENTURIES * 1000)),
        Stated::Absent => return None,
    };
    Some(value)
}

/// Division truncates towards zero, as the real family's does: -1 ms is 0 s.
fn seconds_left(left: i64, rounding: Rounding) -> i64 {
    match rounding {
        Rounding::Floored => left.saturating_sub(1) / 1000,
        Rounding::Exact => left / 1000,
    }
}
