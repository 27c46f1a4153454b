use std::time::Duration;

/// Sets when a token is refreshed, and the bounds of backoff.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a part of tower's policy")]
pub struct Policy {
    /// The longest window before a token's expiry in which it is refreshed in the background.
    pub refresh_window_max: Duration,
    /// The longest time before a token's expiry in which it is no longer attached.
    pub expiry_margin_max: Duration,
    /// How long one fetch may take. One that takes a sixteenth longer is overdue.
    pub fetch_timeout: Duration,
    /// The longest backoff after failed fetches.
    pub backoff_max: Duration,
    /// The longest `Retry-After` that is honoured.
    pub retry_after_max: Duration,
    /// How long after two unresolved attempts another one is made: `None` for not before a reset.
    pub retry_unresolved_after: Option<Duration>,
    /// Whether the issuer is expected to return a new token again until it expires: so it has no refresh window,
    /// and the shortest expiry margin.
    pub reuses_tokens: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            refresh_window_max: Duration::from_secs(300),
            expiry_margin_max: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(8),
            backoff_max: Duration::from_secs(30),
            retry_after_max: Duration::from_secs(300),
            retry_unresolved_after: None,
            reuses_tokens: false,
        }
    }
}
