//! The expiry in a token response, and the schedule derived from it.
//!
//! ```text
//! sent 5000000000 1700000000000000000
//! date 1700003600
//! age 60
//! draw 0.5
//! policy 300000 10000
//! expires_in "86399"
//! expiry 1700003660000
//! ```
//!
//! The request's timestamp in nanoseconds, the server's clock in seconds since the epoch or as an HTTP date,
//! the age of the response in seconds, the jitter (`draw`), the maximum refresh window and expiry margin in
//! milliseconds, and values in JSON.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use enkash_auth_core::{
    Policy, Timestamp,
    lifetime::{Exchange, Expiry, Lifetime, Schedule},
};
use serde_json::Value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

struct Input {
    sent: Timestamp,
    date: Option<SystemTime>,
    age: Duration,
    jitter: f64,
    policy: Policy,
    said: Vec<Expiry>,
}

/// Checks that no lifetime exceeds a day or any stated one, and that no token is used once expired.
pub fn check(input: &[u8]) {
    let Some(input) = std::str::from_utf8(input).ok().and_then(read) else {
        return;
    };
    let exchange = Exchange::new(input.sent, input.date).with_age(input.age);
    let lifetime = exchange.lifetime(&input.said);
    the_shortest_is_believed(&exchange, &input.said, &lifetime);
    the_local_clock_counts_only_where_the_servers_is_doubtful(&input, &lifetime);
    an_older_response_grants_no_more(&input);
    if let Some(skew) = exchange.clock_skew() {
        assert!(skew.is_finite());
    }
    schedule(&lifetime, &input.policy, input.jitter);
    if let Some(length) = lifetime.length() {
        let kept = Lifetime::kept(input.sent, length, lifetime.is_local());
        assert_eq!(kept, lifetime);
    }
}

/// Checks that the schedule is in order for every jitter and policy.
pub(crate) fn schedule(lifetime: &Lifetime, policy: &Policy, jitter: f64) {
    let Some(length) = lifetime.length() else {
        assert_eq!(Schedule::new(lifetime, policy, jitter), None);
        return;
    };
    assert!(
        length >= Duration::from_millis(8) && length <= DAY,
        "{length:?}"
    );
    let schedule = Schedule::new(lifetime, policy, jitter).expect("it has a length");
    let sent = lifetime.sent();
    let (early, deadline, expiry) = (
        schedule.refresh_at(),
        schedule.deadline(),
        schedule.expiry(),
    );
    assert_eq!(expiry, sent + length);
    for of in [Timestamp::monotonic_nanos, Timestamp::unix_nanos] {
        // Timestamps saturate at the maximum, where all are equal.
        if of(sent) < u64::MAX - DAY.as_nanos() as u64 {
            assert!(of(sent) < of(early), "{lifetime:?} {schedule:?}");
            assert!(of(early) < of(deadline), "{lifetime:?} {schedule:?}");
            assert!(of(deadline) < of(expiry), "{lifetime:?} {schedule:?}");
        }
    }
}

fn the_shortest_is_believed(exchange: &Exchange, said: &[Expiry], lifetime: &Lifetime) {
    for expiry in said {
        let alone = exchange.lifetime(&[*expiry]);
        let is_silent = *expiry == Expiry::Unknown || exchange.lifetime(&[]) == alone;
        assert!(is_silent || lifetime.length() <= alone.length(), "{said:?}");
        if *expiry == Expiry::Expired {
            assert_eq!(lifetime.length(), None);
        }
    }
    let more: Vec<_> = [Expiry::Unknown]
        .into_iter()
        .chain(said.iter().copied())
        .collect();
    assert_eq!(exchange.lifetime(&more), *lifetime);
}

fn the_local_clock_counts_only_where_the_servers_is_doubtful(input: &Input, lifetime: &Lifetime) {
    let Some(date) = input.date else {
        return;
    };
    let age = Some(input.age).filter(|age| *age <= DAY);
    let date = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = date.saturating_add(age.unwrap_or_default());
    let Ok(now) = u64::try_from(now.as_nanos()) else {
        return;
    };
    if now.abs_diff(input.sent.unix_nanos()) > DAY.as_nanos() as u64 {
        // One of the two clocks was never set.
        return;
    }
    assert!(!lifetime.is_local());
    let elsewhen = Timestamp::new(input.sent.monotonic_nanos(), now);
    let exchange = Exchange::new(elsewhen, input.date).with_age(input.age);
    assert_eq!(exchange.lifetime(&input.said).length(), lifetime.length());
}

fn an_older_response_grants_no_more(input: &Input) {
    let [new, old] = [Duration::ZERO, input.age].map(|age| {
        let exchange = Exchange::new(input.sent, None).with_age(age);
        exchange.lifetime(&input.said).length()
    });
    assert!(old <= new, "{:?} {:?}", input.age, input.said);
}

fn read(text: &str) -> Option<Input> {
    let mut input = Input {
        sent: Timestamp::new(0, 0),
        date: None,
        age: Duration::ZERO,
        jitter: 1.0,
        policy: Policy::default(),
        said: Vec::new(),
    };
    for line in text.lines().take(16) {
        let (name, value) = line.split_once(' ')?;
        match name {
            "sent" => {
                let (monotonic, unix) = value.split_once(' ')?;
                input.sent = Timestamp::new(monotonic.parse().ok()?, unix.parse().ok()?);
            }
            "date" => input.date = Some(date(value)?),
            "age" => input.age = Duration::from_secs(value.parse().ok()?),
            "draw" => input.jitter = value.parse().ok()?,
            "policy" => {
                let (early, guard) = value.split_once(' ')?;
                input.policy.refresh_window_max = Duration::from_millis(early.parse().ok()?);
                input.policy.expiry_margin_max = Duration::from_millis(guard.parse().ok()?);
            }
            "expires_in" => input.said.push(said(value, Expiry::from_expires_in)?),
            "expiry" => input.said.push(said(value, Expiry::from_expiry)?),
            _ => return None,
        }
    }
    Some(input)
}

fn date(value: &str) -> Option<SystemTime> {
    match value.parse() {
        Ok(seconds) => UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok(),
    }
}

/// Checks that a whole number means the same in a string.
fn said(value: &str, read: fn(&Value) -> Expiry) -> Option<Expiry> {
    let value: Value = serde_json::from_str(value).ok()?;
    let expiry = read(&value);
    if value.is_i64() || value.is_u64() {
        assert_eq!(read(&value.to_string().into()), expiry, "{value}");
    }
    if let Some(seconds) = value.as_i64() {
        assert_eq!(expiry == Expiry::Expired, seconds <= 0, "{value}");
    }
    Some(expiry)
}
