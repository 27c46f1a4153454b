//! The timestamps in the life of a token: start of the refresh, deadline, expiry.

use std::time::Duration;

use enkash_auth_core::{
    Policy, Timestamp,
    lifetime::{Exchange, Expiry, Lifetime, Schedule},
};
use proptest::prelude::*;

use super::support::{DAY, NOW, SENT, at, lifetime, secs};

fn margin(lifetime: &Lifetime, policy: &Policy) -> Duration {
    let schedule = Schedule::new(lifetime, policy, 1.0).expect("not expired");
    schedule.expiry().remaining(schedule.deadline())
}

fn window(length: Duration, jitter: f64) -> Duration {
    let lifetime = lifetime(None, &[Expiry::In(length)]);
    let schedule = Schedule::new(&lifetime, &Policy::default(), jitter).expect("not expired");
    schedule.expiry().remaining(schedule.refresh_at())
}

#[test]
fn local_clock_doubles_expiry_margin() {
    let policy = Policy::default();
    let end = Expiry::AtUnixSeconds(NOW + 100);
    let local = lifetime(None, &[end]);
    let server = lifetime(Some(at(NOW - 1)), &[end]);
    assert_eq!(server.length(), local.length());
    assert_eq!(margin(&server, &policy), secs(2));
    assert_eq!(margin(&local, &policy), secs(4));
}

#[test]
fn expired_token_has_no_schedule() {
    let expired = lifetime(None, &[Expiry::Expired]);
    assert_eq!(expired.length(), None);
    assert_eq!(Schedule::new(&expired, &Policy::default(), 1.0), None);
}

#[test]
fn expiry_margin_scales_with_lifetime() {
    for (length, expected) in [
        (Duration::from_millis(8), Duration::from_millis(1)),
        (secs(1), Duration::from_millis(125)),
        (secs(10), Duration::from_millis(250)),
        (secs(300), secs(6)),
        (secs(500), secs(10)),
        (secs(DAY), secs(10)),
    ] {
        let lifetime = lifetime(None, &[Expiry::In(length)]);
        assert_eq!(
            margin(&lifetime, &Policy::default()),
            expected,
            "{length:?}"
        );
    }
}

#[test]
fn refresh_window_scales_with_lifetime_and_jitter() {
    for (length, whole) in [
        (4, 1),
        (40, 10),
        (48, 10),
        (300, 60),
        (1500, 300),
        (DAY, 300),
    ] {
        assert_eq!(window(secs(length), 1.0), secs(whole), "{length}");
        assert_eq!(window(secs(length), 0.0), secs(whole) * 3 / 4, "{length}");
        // To spread many.
        assert_eq!(window(secs(length), 2.0), secs(length) * 9 / 10, "{length}");
        for (odd, even) in [
            (-7.0, 0.0),
            (7.0, 2.0),
            (f64::INFINITY, 2.0),
            (f64::NAN, 0.0),
        ] {
            assert_eq!(window(secs(length), odd), window(secs(length), even));
        }
    }
}

fn any_span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::MAX),
        (0..=u64::MAX).prop_map(Duration::from_nanos),
        (0..=100_000_u64).prop_map(Duration::from_millis),
    ]
}

fn any_length() -> impl Strategy<Value = Duration> {
    let day = DAY * 1_000_000_000;
    prop_oneof![
        (8_000_000..=day).prop_map(Duration::from_nanos),
        (8_u64..=10_000).prop_map(Duration::from_millis),
        Just(Duration::from_millis(8)),
        Just(secs(DAY)),
    ]
}

proptest! {
    #[test]
    fn refresh_deadline_and_expiry_are_in_order(
        length in any_length(),
        jitter in any::<f64>(),
        refresh_window_max in any_span(),
        expiry_margin_max in any_span(),
        is_local in any::<bool>(),
    ) {
        let policy = Policy {
            refresh_window_max,
            expiry_margin_max,
            ..Policy::default()
        };
        let lifetime = if is_local {
            // The expiry is in whole milliseconds: so the local clock reads `length` before it.
            let unix = (NOW + 2 * DAY) * 1_000_000_000 - u64::try_from(length.as_nanos())?;
            let sent = Timestamp::new(SENT.monotonic_nanos(), unix);
            Exchange::new(sent, None).lifetime(&[Expiry::AtUnixSeconds(NOW + 2 * DAY)])
        } else {
            lifetime(None, &[Expiry::In(length)])
        };
        prop_assert_eq!(lifetime.length(), Some(length));
        prop_assert_eq!(lifetime.is_local(), is_local);

        let schedule = Schedule::new(&lifetime, &policy, jitter).expect("not expired");
        let timestamps = [lifetime.sent(), schedule.refresh_at(), schedule.deadline(), schedule.expiry()];
        prop_assert!(timestamps.is_sorted_by_key(|timestamp| timestamp.monotonic_nanos()));
        for pair in timestamps.windows(2) {
            prop_assert!(pair[0].monotonic_nanos() < pair[1].monotonic_nanos(), "{:?}", timestamps);
            prop_assert!(pair[0].unix_nanos() < pair[1].unix_nanos(), "{:?}", timestamps);
        }
        prop_assert_eq!(schedule.expiry(), lifetime.sent() + length);
    }
}
