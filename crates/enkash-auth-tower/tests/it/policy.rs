//! The refresh policy: its defaults, and invalid settings.

use std::time::Duration;

use enkash_auth_tower::{ErrorKind, RefreshPolicy};

#[test]
fn default_policy_never_retries_unresolved_attempts() {
    let policy = RefreshPolicy::default();
    policy.validate().unwrap();
    assert_eq!(policy.retry_unresolved_after, None);
}

#[test]
fn zero_setting_is_rejected_by_name() {
    let policies = [(); 4].map(|()| RefreshPolicy::default());
    let [
        mut fetch_timeout,
        mut attempts,
        mut wait_timeout,
        mut max_waiters,
    ] = policies;
    fetch_timeout.fetch_timeout = Duration::ZERO;
    attempts.attempts = 0;
    wait_timeout.wait_timeout = Duration::ZERO;
    max_waiters.max_waiters = 0;
    for (name, policy) in [
        ("fetch_timeout", fetch_timeout),
        ("attempts", attempts),
        ("wait_timeout", wait_timeout),
        ("max_waiters", max_waiters),
    ] {
        let error = policy.validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        let shown = error.to_string();
        assert!(shown.ends_with(&format!("{name} is zero")), "{shown}");
    }
}

#[test]
fn other_bounds_accept_zero() {
    let mut policy = RefreshPolicy::default();
    policy.refresh_window_max = Duration::ZERO;
    policy.expiry_margin_max = Duration::ZERO;
    policy.backoff_max = Duration::ZERO;
    policy.retry_after_max = Duration::ZERO;
    policy.retry_unresolved_after = Some(Duration::ZERO);
    policy.validate().unwrap();
}
