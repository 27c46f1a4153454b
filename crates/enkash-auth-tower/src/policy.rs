use std::time::Duration;

use enkash_auth_core::Policy;

use crate::{Error, ErrorKind};

/// Sets when a token is refreshed, and the bounds of waits and retries.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_tower::RefreshPolicy;
///
/// let mut policy = RefreshPolicy::default();
/// policy.fetch_timeout = Duration::from_secs(5);
/// policy.max_waiters = 1_000;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// Whether a token is also refreshed without traffic, after its first use: no. An idle cache fetches
    /// nothing, and its next caller waits for a fetch.
    pub keep_warm: bool,
    /// The longest window before a token's expiry in which it is refreshed in the background: 300 s.
    /// Shorter tokens have shorter windows: a fifth of the lifetime, at least 10 s, at most a
    /// quarter of it.
    pub refresh_window_max: Duration,
    /// The longest time before a token's expiry in which it is no longer attached: 10 s. Shorter
    /// tokens have shorter margins: a fiftieth of the lifetime, at least 250 ms, at most an eighth.
    pub expiry_margin_max: Duration,
    /// How long one fetch may take, including its attempts and backoff: 8 s. Not the timeout of a caller: one
    /// with 50 ms left must not end the fetch that all wait for.
    pub fetch_timeout: Duration,
    /// How many attempts one fetch makes if nothing was sent or the server responds 429 or 5xx: 3, with 0.2 s
    /// and 0.5 s between them. More than 3 count as 3.
    pub attempts: u32,
    /// The longest backoff after failed fetches, which starts at 0.5 s and doubles: 30 s.
    pub backoff_max: Duration,
    /// The longest `Retry-After` that is honoured: 300 s.
    pub retry_after_max: Duration,
    /// How long after two unresolved attempts another one is made: `None` for not before a reset. A duration
    /// is a deliberate exception to the guarantee that the server never counts a third attempt: such an
    /// attempt can lock the account.
    pub retry_unresolved_after: Option<Duration>,
    /// How long one caller waits for a token: 10 s.
    pub wait_timeout: Duration,
    /// How many callers wait for a token at once: 65,536. One more fails at once.
    pub max_waiters: usize,
}

impl RefreshPolicy {
    /// Checks that this policy allows fetching a token and waiting for it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if `fetch_timeout`, `attempts`, `wait_timeout` or
    /// `max_waiters` is zero; the text names the setting.
    pub fn validate(&self) -> Result<(), Error> {
        let Some(name) = self.zero_setting() else {
            return Ok(());
        };
        let detail = format!("{name} is zero");
        Err(Error::new(ErrorKind::InvalidSetting, detail))
    }

    /// Returns the part of it by which the state decides.
    pub(crate) fn state_policy(&self) -> Policy {
        Policy {
            refresh_window_max: self.refresh_window_max,
            expiry_margin_max: self.expiry_margin_max,
            fetch_timeout: self.fetch_timeout,
            backoff_max: self.backoff_max,
            retry_after_max: self.retry_after_max,
            retry_unresolved_after: self.retry_unresolved_after,
            reuses_tokens: false,
        }
    }

    /// Returns the name of the setting that [`validate`](Self::validate) rejects.
    pub(crate) fn zero_setting(&self) -> Option<&'static str> {
        let settings = [
            ("fetch_timeout", self.fetch_timeout.is_zero()),
            ("attempts", self.attempts == 0),
            ("wait_timeout", self.wait_timeout.is_zero()),
            ("max_waiters", self.max_waiters == 0),
        ];
        let mut settings = settings.into_iter();
        settings.find_map(|(name, is_zero)| is_zero.then_some(name))
    }
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        let policy = Policy::default();
        Self {
            keep_warm: false,
            refresh_window_max: policy.refresh_window_max,
            expiry_margin_max: policy.expiry_margin_max,
            fetch_timeout: policy.fetch_timeout,
            attempts: 3,
            backoff_max: policy.backoff_max,
            retry_after_max: policy.retry_after_max,
            retry_unresolved_after: policy.retry_unresolved_after,
            wait_timeout: Duration::from_secs(10),
            max_waiters: 65_536,
        }
    }
}
