//! Bearer tokens, and tokens that can be attached.

use enkash_auth_core::{
    AccessToken, Bearer, FailureKind, Policy, Timestamp,
    lifetime::{Exchange, Expiry, Schedule},
};

use super::support::{SENT, secs};

const TEXT: &str = "2YotnFZFEjr1zCsicMWpAA";

fn token() -> AccessToken {
    let lifetime = Exchange::new(SENT, None).lifetime(&[Expiry::In(secs(300))]);
    let schedule = Schedule::new(&lifetime, &Policy::default(), 1.0).expect("not expired");
    AccessToken::new(Bearer::new(TEXT).expect("a token"), 7, schedule)
}

#[test]
fn bearer_is_a_sensitive_header() {
    for text in [TEXT, "a", "!~\"\\{}", &"x".repeat(8_192)] {
        let bearer = Bearer::new(text).unwrap();
        assert_eq!(bearer.header(), &format!("Bearer {text}"));
        assert_eq!(bearer.expose(), text);
        assert!(bearer.header().is_sensitive());
        assert_eq!(bearer, Bearer::new(text).unwrap());
        assert_ne!(bearer, Bearer::new("other").unwrap());
    }
}

#[test]
fn token_that_is_not_a_header_is_invalid_response() {
    let long = "x".repeat(8_193);
    for text in [
        "", " ", "a b", " ab", "ab ", "a\r\nb", "a\tb", "a\0b", "a\u{7f}b", "tök", &long,
    ] {
        let error = Bearer::new(text).unwrap_err();
        assert_eq!(error.kind(), FailureKind::InvalidResponse, "{text:?}");
        let shown = format!("{error} {error:?}");
        assert!(text.trim().is_empty() || !shown.contains(text), "{shown}");
    }
}

#[test]
fn token_is_usable_until_deadline_on_either_clock() {
    let token = token();
    let deadline = token.schedule().deadline();
    assert_eq!(deadline, SENT + secs(294));
    assert_eq!(token.remaining(SENT), secs(294));
    assert!(token.is_usable(SENT));

    let (monotonic, unix) = (deadline.monotonic_nanos(), deadline.unix_nanos());
    for (now, usable) in [
        (Timestamp::new(monotonic - 1, unix - 1), true),
        (deadline, false),
        (Timestamp::new(monotonic, unix - 1), false),
        (Timestamp::new(monotonic - 1, unix), false),
        (Timestamp::new(monotonic + 1, 0), false),
        (Timestamp::new(0, unix + 1), false),
    ] {
        assert_eq!(token.is_usable(now), usable, "{now:?}");
        assert_eq!(!token.remaining(now).is_zero(), usable, "{now:?}");
    }
}

#[test]
fn debug_output_shows_generation_but_not_token() {
    let token = token();
    assert_eq!(token.header(), &format!("Bearer {TEXT}"));
    assert!(token.header().is_sensitive());
    assert_eq!(token.expose(), TEXT);
    assert_eq!(token.generation(), 7);
    let shown = format!("{token:?} {:#?} {:?}", token.clone(), token.header());
    assert!(!shown.contains(TEXT), "{shown}");
    assert!(shown.contains("generation: 7"), "{shown}");
    assert_eq!(format!("{:?}", Bearer::new(TEXT).unwrap()), "Bearer(..)");
}

#[test]
fn clone_shares_its_header() {
    let token = token();
    let clone = token.clone();
    assert!(std::ptr::eq(token.header(), clone.header()));
}
