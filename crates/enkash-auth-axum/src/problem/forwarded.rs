use serde::{Serialize, Serializer};

/// Whether the request of a failed call reached the upstream: whoever sent a payment must know.
///
/// In JSON `false` or `"unknown"`.
///
/// # Examples
///
/// ```
/// use enkash_auth_axum::Forwarded;
///
/// assert_eq!(serde_json::to_string(&Forwarded::No).unwrap(), "false");
/// assert_eq!(serde_json::to_string(&Forwarded::Unknown).unwrap(), "\"unknown\"");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a call that failed either certainly stayed here, or nobody knows"
)]
pub enum Forwarded {
    /// Certainly not: it can be sent again.
    No,
    /// Nobody knows.
    Unknown,
}

impl Serialize for Forwarded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => serializer.serialize_bool(false),
            Self::Unknown => serializer.serialize_str("unknown"),
        }
    }
}
