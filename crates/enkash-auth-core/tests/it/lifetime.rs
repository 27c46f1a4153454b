//! How long a token lives on the local clocks, from its response.

use std::time::{Duration, UNIX_EPOCH};

use enkash_auth_core::{
    Timestamp,
    lifetime::{Exchange, Expiry, Lifetime},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{DAY, NOW, SENT, at, lifetime, secs};

const HOUR: u64 = 3600;

#[test]
fn expires_in_is_seconds_unless_implausible() {
    for (value, expected) in [
        (json!(86_399), Expiry::In(secs(86_399))),
        (json!(86_400), Expiry::In(secs(86_400))),
        (json!("86399"), Expiry::In(secs(86_399))),
        (json!(" 60 "), Expiry::In(secs(60))),
        (json!("0060"), Expiry::In(secs(60))),
        (json!(59.9), Expiry::In(secs(59))),
        (json!("59.9"), Expiry::In(secs(59))),
        (json!(1e3), Expiry::In(secs(1000))),
        // Milliseconds.
        (json!(86_401), in_guessed_millis(86_401)),
        (json!(300_000), in_guessed_millis(300_000)),
        (json!("999999999"), in_guessed_millis(999_999_999)),
        // A point in time.
        (json!(1_000_000_000), Expiry::AtUnixSeconds(1_000_000_000)),
        (json!("1700000300"), Expiry::AtUnixSeconds(1_700_000_300)),
        (
            json!(1_700_000_300_999_u64),
            Expiry::AtUnixSeconds(1_700_000_300),
        ),
        (json!(100_000_000_000_000_u64), Expiry::Unknown),
        (json!(u64::MAX), Expiry::Unknown),
        (json!(1e300), Expiry::Unknown),
        (json!("1e400"), Expiry::Unknown),
        (json!("9".repeat(400)), Expiry::Unknown),
        (json!(0), Expiry::Expired),
        (json!("0"), Expiry::Expired),
        (json!(0.9), Expiry::Expired),
        (json!(-0.1), Expiry::Expired),
        (json!(-1), Expiry::Expired),
        (json!("-1"), Expiry::Expired),
        (json!(i64::MIN), Expiry::Expired),
        (json!(-1e300), Expiry::Expired),
        (json!(""), Expiry::Unknown),
        (json!("soon"), Expiry::Unknown),
        (json!("60s"), Expiry::Unknown),
        (json!("NaN"), Expiry::Unknown),
        (json!("inf"), Expiry::Unknown),
        (json!(true), Expiry::Unknown),
        (json!([60]), Expiry::Unknown),
        (json!({ "seconds": 60 }), Expiry::Unknown),
        (Value::Null, Expiry::Unknown),
    ] {
        let expiry = Expiry::from_expires_in(&value);
        assert_eq!(expiry, expected, "{value}");
        assert_eq!(expiry.is_unit_guessed(), is_guess(expected), "{value}");
    }
}

fn in_guessed_millis(millis: u64) -> Expiry {
    Expiry::InGuessed(Duration::from_millis(millis))
}

fn is_guess(expiry: Expiry) -> bool {
    matches!(expiry, Expiry::AtUnixSeconds(_) | Expiry::InGuessed(_))
}

#[test]
fn expiry_is_milliseconds_or_a_guessed_unit() {
    for (value, expected) in [
        (
            json!(1_672_531_199_000_u64),
            Expiry::AtUnixMillis(1_672_531_199_000),
        ),
        (
            json!("1672531199000"),
            Expiry::AtUnixMillis(1_672_531_199_000),
        ),
        (
            json!(100_000_000_000_u64),
            Expiry::AtUnixMillis(100_000_000_000),
        ),
        (
            json!(99_999_999_999_999_u64),
            Expiry::AtUnixMillis(99_999_999_999_999),
        ),
        (
            json!(1_672_531_199_000.5),
            Expiry::AtUnixMillis(1_672_531_199_000),
        ),
        (
            json!(99_999_999_999_u64),
            Expiry::AtUnixSeconds(99_999_999_999),
        ),
        (json!("1672531199"), Expiry::AtUnixSeconds(1_672_531_199)),
        (json!(1_000_000_000), Expiry::AtUnixSeconds(1_000_000_000)),
        (json!(999_999_999), in_guessed_millis(999_999_999)),
        (json!(300_000), in_guessed_millis(300_000)),
        (json!(86_401), in_guessed_millis(86_401)),
        (json!(86_400), Expiry::InGuessed(secs(86_400))),
        (json!("300"), Expiry::InGuessed(secs(300))),
        (json!(1), Expiry::InGuessed(secs(1))),
        (json!(0), Expiry::Expired),
        (json!("0"), Expiry::Expired),
        (json!(-1_672_531_199_000_i64), Expiry::Expired),
        (json!(100_000_000_000_000_u64), Expiry::Unknown),
        (json!(u64::MAX), Expiry::Unknown),
        (json!(1e300), Expiry::Unknown),
        (json!("2022-12-31T23:59:59Z"), Expiry::Unknown),
        (json!(""), Expiry::Unknown),
        (json!(false), Expiry::Unknown),
        (Value::Null, Expiry::Unknown),
    ] {
        let expiry = Expiry::from_expiry(&value);
        assert_eq!(expiry, expected, "{value}");
        assert_eq!(expiry.is_unit_guessed(), is_guess(expected), "{value}");
    }
}

#[test]
fn relative_lifetime_starts_when_request_is_sent() {
    for date in [None, Some(at(NOW)), Some(at(NOW + HOUR))] {
        for expiry in [Expiry::In(secs(300)), Expiry::InGuessed(secs(300))] {
            let lifetime = lifetime(date, &[expiry]);
            assert_eq!(lifetime.length(), Some(secs(300)));
            assert_eq!(lifetime.sent(), SENT);
            assert!(!lifetime.is_local());
        }
    }
}

#[test]
fn date_header_overrides_wrong_local_clock() {
    // Right, an hour fast and an hour slow, as the server sees it.
    for now in [NOW, NOW - HOUR, NOW + HOUR] {
        for (left, expected) in [
            (300, Some(secs(299))),
            (2, Some(secs(1))),
            // `Date` is up to a second behind, which is all of it.
            (1, Some(Duration::from_millis(500))),
            (DAY + 1, Some(secs(DAY))),
            (DAY * 365, Some(secs(DAY))),
            (0, None),
        ] {
            for expiry in [
                Expiry::AtUnixMillis((now + left) * 1000),
                Expiry::AtUnixSeconds(now + left),
            ] {
                let lifetime = lifetime(Some(at(now)), &[expiry]);
                assert_eq!(lifetime.length(), expected, "{now} {left}");
                assert!(!lifetime.is_local());
            }
        }
    }
}

#[test]
fn past_expiry_is_expired_and_short_lifetime_is_halved() {
    let millis = Duration::from_millis;
    let length = |end| lifetime(Some(at(NOW)), &[Expiry::AtUnixMillis(end)]).length();
    for (left, expected) in [
        (15, None),
        (16, Some(millis(8))),
        (1000, Some(millis(500))),
        (1999, Some(Duration::from_micros(999_500))),
        (2000, Some(secs(1))),
        (2008, Some(millis(1008))),
    ] {
        assert_eq!(length(NOW * 1000 + left), expected, "{left}");
    }
    assert_eq!(length(NOW * 1000), None);
    assert_eq!(length(NOW * 1000 - 1), None);
    assert_eq!(length(1), None);
}

#[test]
fn date_far_from_local_clock_is_not_trusted_alone() {
    for date in [0, NOW - DAY - 1, NOW + DAY + 1, NOW + 100 * DAY] {
        for left in [1, 300, DAY] {
            let lifetime = lifetime(Some(at(date)), &[Expiry::AtUnixSeconds(NOW + left)]);
            assert_eq!(lifetime.length(), Some(secs(left)), "{date}");
            assert!(lifetime.is_local());
        }
        // The local clock is the wrong one.
        let end = Expiry::AtUnixMillis((date + 300) * 1000);
        let lifetime = lifetime(Some(at(date)), &[end]);
        assert_eq!(lifetime.length(), Some(secs(299)), "{date}");
        assert!(!lifetime.is_local());
    }
    for date in [NOW - DAY, NOW + DAY] {
        let lifetime = lifetime(Some(at(date)), &[Expiry::AtUnixSeconds(date + 300)]);
        assert_eq!(lifetime.length(), Some(secs(299)), "{date}");
        assert!(!lifetime.is_local());
    }
    let before_1970 = UNIX_EPOCH - secs(1);
    let lifetime = lifetime(Some(before_1970), &[Expiry::AtUnixSeconds(NOW + 300)]);
    assert_eq!(lifetime.length(), Some(secs(300)));
}

#[test]
fn cached_response_counts_from_when_it_was_made() {
    let aged = |age, date: Option<u64>, expiries: &[Expiry]| {
        let exchange = Exchange::new(SENT, date.map(at)).with_age(secs(age));
        exchange.lifetime(expiries).length()
    };
    let five_minutes = Expiry::In(secs(300));
    for (age, expected) in [
        (0, Some(secs(300))),
        (60, Some(secs(240))),
        (300, None),
        (DAY, None),
        // Not believed.
        (DAY + 1, Some(secs(300))),
        (NOW, Some(secs(300))),
        (u64::MAX, Some(secs(300))),
    ] {
        for expiries in [&[five_minutes][..], &[Expiry::InGuessed(secs(300))], &[]] {
            assert_eq!(aged(age, None, expiries), expected, "{age} {expiries:?}");
        }
    }
    // `Date` is as old as the response.
    let end = Expiry::AtUnixSeconds(NOW + 300);
    assert_eq!(aged(0, Some(NOW - 60), &[end]), Some(secs(359)));
    assert_eq!(aged(60, Some(NOW - 60), &[end]), Some(secs(299)));
    assert_eq!(
        aged(60, Some(NOW - 60), &[end, five_minutes]),
        Some(secs(240))
    );
    assert_eq!(aged(60, None, &[end]), Some(secs(300)), "the local clock");
    // So the server's clock is no more than a day off.
    let doubtful = NOW - DAY - 30;
    assert_eq!(aged(60, Some(doubtful), &[end]), Some(secs(DAY)));
    assert_eq!(aged(0, Some(doubtful), &[end]), Some(secs(300)));
    let exchange = Exchange::new(SENT, Some(at(NOW - 60))).with_age(secs(60));
    assert_eq!(exchange.clock_skew(), Some(-0.5));
}

#[test]
fn lifetime_never_exceeds_expiry_despite_rounded_date() {
    for (left, into_second) in [
        (1001, 999),
        (1500, 500),
        (1900, 990),
        (5000, 0),
        (5000, 999),
    ] {
        let made = NOW * 1000 + into_second;
        let end = Expiry::AtUnixMillis(made + left);
        let length = lifetime(Some(at(NOW)), &[end]).length().unwrap_or_default();
        assert!(
            length <= Duration::from_millis(left),
            "{left} {into_second}"
        );
    }
}

#[test]
fn missing_date_falls_back_to_plausible_local_clock() {
    for (millis, expected, local) in [
        ((NOW + 100) * 1000, secs(100), true),
        ((NOW + DAY) * 1000, secs(DAY), true),
        ((NOW + DAY) * 1000 + 1, secs(300), false),
        ((NOW + DAY * 36_500) * 1000, secs(300), false),
        (NOW * 1000, secs(300), false),
        ((NOW - HOUR) * 1000, secs(300), false),
    ] {
        let lifetime = lifetime(None, &[Expiry::AtUnixMillis(millis)]);
        assert_eq!(lifetime.length(), Some(expected), "{millis}");
        assert_eq!(lifetime.is_local(), local, "{millis}");
    }
}

#[test]
fn earliest_of_two_expiries_wins() {
    let date = Some(at(NOW));
    let minute = Expiry::In(secs(60));
    for (expiries, expected) in [
        ([minute, Expiry::AtUnixSeconds(NOW + 31)], Some(secs(30))),
        ([minute, Expiry::AtUnixSeconds(NOW + HOUR)], Some(secs(60))),
        ([Expiry::AtUnixSeconds(NOW + HOUR), minute], Some(secs(60))),
        ([minute, Expiry::Expired], None),
        ([minute, Expiry::Unknown], Some(secs(60))),
        ([Expiry::Unknown, Expiry::Unknown], Some(secs(300))),
        ([Expiry::In(secs(HOUR)), Expiry::Unknown], Some(secs(HOUR))),
    ] {
        assert_eq!(lifetime(date, &expiries).length(), expected, "{expiries:?}");
    }
    // Implausible on the local clock: the other one, not five minutes.
    let past = Expiry::AtUnixSeconds(NOW - HOUR);
    assert_eq!(
        lifetime(None, &[past, Expiry::In(secs(HOUR))]).length(),
        Some(secs(HOUR))
    );
}

#[test]
fn lifetime_is_capped_at_one_day() {
    for seconds in [DAY, DAY + 1, i64::MAX.unsigned_abs(), u64::MAX] {
        assert_eq!(
            lifetime(None, &[Expiry::In(secs(seconds))]).length(),
            Some(secs(DAY))
        );
    }
    assert_eq!(lifetime(None, &[]).length(), Some(secs(300)));
    assert_eq!(
        lifetime(None, &[Expiry::In(Duration::from_millis(7))]).length(),
        None
    );
}

proptest! {
    #[test]
    fn random_expiry_lifetime_stays_within_bounds(
        number in any::<i64>(),
        float in any::<f64>(),
        date in prop::option::of(0..=4_000_000_000_u64),
    ) {
        for value in [json!(number), json!(float), json!(number.to_string()), json!(float.to_string())] {
            for expiry in [Expiry::from_expires_in(&value), Expiry::from_expiry(&value)] {
                if let Some(length) = lifetime(date.map(at), &[expiry]).length() {
                    prop_assert!(length >= Duration::from_millis(8) && length <= secs(DAY));
                }
            }
        }
    }
}

#[test]
fn clock_skew_is_measured_from_date() {
    let date = |seconds| Some(UNIX_EPOCH + Duration::from_secs(seconds));
    for (date, skew) in [
        (None, None),
        (date(NOW), Some(-0.5)),
        (date(NOW - HOUR), Some(3_599.5)),
        (date(NOW + HOUR), Some(-3_600.5)),
    ] {
        assert_eq!(Exchange::new(SENT, date).clock_skew(), skew);
    }
}

#[test]
fn stored_lifetime_round_trips() {
    for local in [false, true] {
        let kept = Lifetime::kept(SENT, secs(60), local);
        assert_eq!(
            (kept.sent(), kept.length(), kept.is_local()),
            (SENT, Some(secs(60)), local)
        );
    }
    assert_eq!(
        Lifetime::kept(SENT, secs(2 * DAY), false).length(),
        Some(secs(DAY))
    );
}

#[test]
fn remaining_lifetime_uses_monotonic_clock() {
    let sent = Timestamp::new(1_000_000_000, 0);
    let lifetime = Lifetime::kept(sent, Duration::from_secs(300), false);
    let later = Timestamp::new(61_000_000_000, 900_000_000_000);
    assert_eq!(lifetime.age(later), Duration::from_secs(60));
    assert_eq!(lifetime.remaining(later), Duration::from_secs(240));
    let expired = Timestamp::new(400_000_000_000, 0);
    assert_eq!(lifetime.remaining(expired), Duration::ZERO);
    // Before it was sent, by a clock that was read earlier.
    assert_eq!(lifetime.age(Timestamp::new(0, 0)), Duration::ZERO);
}
