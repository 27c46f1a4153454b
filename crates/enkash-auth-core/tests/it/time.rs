//! Two clocks: the one that passes first decides.

use std::time::Duration;

use enkash_auth_core::{Clock, ManualClock, SystemClock, Timestamp};

use super::support::secs;

#[test]
fn advance_moves_both_clocks() {
    let clock = ManualClock::new();
    let start = clock.now();
    let end = start + secs(60);
    for (passed, left, has_passed) in [(0, 60, false), (59, 1, false), (60, 0, true), (90, 0, true)]
    {
        let clock = ManualClock::new();
        clock.advance(secs(passed));
        assert_eq!(clock.now(), start + secs(passed));
        assert_eq!(end.remaining(clock.now()), secs(left));
        assert_eq!(end.has_passed(clock.now()), has_passed);
    }
    assert_eq!(end - secs(60), start);
}

#[test]
fn suspend_counts_toward_expiry() {
    let clock = ManualClock::new();
    let end = clock.now() + secs(60);
    clock.suspend(secs(59));
    assert!(!end.has_passed(clock.now()));
    assert_eq!(end.remaining(clock.now()), secs(1));
    clock.suspend(secs(1));
    assert!(end.has_passed(clock.now()));
    // Its next tick, twice.
    let ticks = clock.monotonic_nanos() - ManualClock::new().monotonic_nanos();
    assert_eq!(ticks, 2);
}

#[test]
fn wall_clock_set_back_does_not_delay_expiry() {
    let clock = ManualClock::new();
    let end = clock.now() + secs(60);
    clock.step_wall_back(secs(3600));
    assert_eq!(end.remaining(clock.now()), secs(60));
    clock.advance(secs(60));
    assert!(end.has_passed(clock.now()));
    assert!(end.remaining(clock.now()).is_zero());
}

#[test]
fn monotonic_timestamp_ignores_wall_clock() {
    let clock = ManualClock::new();
    let end = (clock.now() + secs(60)).on_monotonic();
    clock.suspend(secs(3600));
    assert!(!end.has_passed(clock.now()));
    assert_eq!(end.remaining(clock.now()).as_millis(), 59_999);
    clock.step_wall_back(secs(7200));
    clock.advance(secs(59));
    assert!(!end.has_passed(clock.now()));
    clock.advance(secs(1));
    assert!(end.has_passed(clock.now()));
}

#[test]
fn timestamp_arithmetic_saturates() {
    let now = Timestamp::new(5, 7);
    assert_eq!(now + Duration::MAX, Timestamp::new(u64::MAX, u64::MAX));
    assert_eq!(now - Duration::MAX, Timestamp::new(0, 0));
    assert_eq!(now - Duration::from_nanos(6), Timestamp::new(0, 1));
    let last = Timestamp::new(u64::MAX, u64::MAX - 1);
    assert_eq!(
        last + Duration::from_nanos(2),
        Timestamp::new(u64::MAX, u64::MAX)
    );
    assert_eq!(Timestamp::new(0, 0).remaining(last), Duration::ZERO);
}

#[test]
fn earlier_takes_minimum_of_each_clock() {
    let (a, b) = (Timestamp::new(1, 20), Timestamp::new(2, 10));
    assert_eq!(a.earlier(b), Timestamp::new(1, 10));
    assert_eq!(b.earlier(a), Timestamp::new(1, 10));
}

#[test]
fn manual_clock_saturates_at_its_range() {
    let clock = ManualClock::new();
    clock.step_wall_back(Duration::MAX);
    assert_eq!(
        clock.now(),
        Timestamp::new(ManualClock::new().monotonic_nanos(), 0)
    );
    clock.advance(Duration::MAX);
    // The last reading that a clock may have.
    let last = u64::MAX - 2;
    assert_eq!(clock.now(), Timestamp::new(last, last));
    clock.suspend(secs(1));
    assert_eq!(clock.now().monotonic_nanos(), last);
}

#[test]
fn manual_clock_clones_share_time() {
    let clock = ManualClock::default();
    let clone = clock.clone();
    clock.advance(secs(1));
    assert_eq!(clock.now(), clone.now());
    assert_ne!(clock.now(), ManualClock::new().now());
}

#[test]
fn elapsed_uses_the_clock_that_passed_first() {
    let end = Timestamp::new(10_000_000_000, 100_000_000_000);
    for (monotonic, unix, seconds) in [
        (9, 99, 0),
        (10, 100, 0),
        (12, 100, 2),
        (12, 107, 7),
        (9, 101, 1),
    ] {
        let now = Timestamp::new(monotonic * 1_000_000_000, unix * 1_000_000_000);
        assert_eq!(end.elapsed(now), secs(seconds));
    }
}

#[test]
fn system_clock_reads_current_time() {
    let (before, after) = (SystemClock.now(), SystemClock.now());
    let of_2026 = 1_767_225_600_000_000_000;
    assert!(before.unix_nanos() > of_2026, "{before:?}");
    // The machine has been up for a millisecond, and 25 h are added.
    assert!(before.monotonic_nanos() > 25 * 3_600_000_000_000 + 1_000_000);
    assert!(before.has_passed(after));
}

#[test]
fn token_older_than_uptime_expires_on_both_clocks() {
    let now = SystemClock.now();
    // Of 24 h, all but a second passed before the machine was started anew.
    let end = now - secs(24 * 3600 - 1) + secs(24 * 3600);
    let is_set_back = |passed| Timestamp::new((now + secs(passed)).monotonic_nanos(), 0);
    assert!(!end.has_passed(is_set_back(0)));
    assert!(end.has_passed(is_set_back(1)));
}
