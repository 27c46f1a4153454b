//! An issuer that answers with the same token until that is over.

use std::time::Duration;

use enkash_auth_core::{
    Bearer, ErrorKind,
    state::{Outcome, Reason, Verdict},
};

use super::life::{Life, START};

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A token of 8 s that came again after `age` seconds, with `left` of them left.
fn repeated(age: f64, left: f64) -> Life {
    let mut life = Life::with(8.0);
    assert!(!life.state.is_sticky());
    life.pass(age);
    let flight = life.launch();
    assert!(life.grant(flight, "one", left));
    assert!(life.state.is_sticky());
    life
}

/// The same, and then over: another one has come, of which `said` seconds are said to be left.
fn replaced(alive: f64, said: f64) -> Life {
    let mut life = repeated(alive, 0.1);
    life.pass(10.0);
    let flight = life.launch();
    assert!(life.grant(flight, "two", said));
    life
}

#[test]
fn it_is_not_asked_early_again() {
    let mut life = repeated(6.5, 1.0);
    life.pass(1.2);
    assert!(matches!(life.ask(), (Verdict::Serve(_), None)));
    life.pass(0.05);
    assert_eq!(life.launch().reason(), Reason::Over);
}

#[test]
fn of_two_ends_that_differ_by_rounding_the_later_is_right() {
    for (left, expected) in [
        // The same end: as it was said last, with the guard of what is left.
        (1.5, 1_312),
        (1.4, 1_250),
        (1.0, 1_250),
        (0.5, 1_250),
        // More than rounding takes: it is over sooner.
        (0.4, 350),
        // It was prolonged.
        (3.0, 2_750),
    ] {
        let ends = repeated(6.5, left).view_ends_after();
        assert_eq!(ends.as_millis(), expected, "{left} s left");
    }
}

#[test]
fn a_token_that_came_again_after_its_deadline_ends_when_it_was_said_last() {
    assert_eq!(repeated(7.8, 0.1).view_ends_after(), millis(100) * 7 / 8);
}

#[test]
fn the_next_one_is_taken_to_live_as_long_as_one_was_seen_to() {
    for (alive, said, expected) in [
        // Seen 7.6 s old, and said to live 7 s: nobody knows that it was 8 s.
        (7.6, 7.0, 7_600),
        // Within a quarter of a second of a whole one it is taken to be whole.
        (7.8, 7.0, 8_000),
        // Rounding takes less than a second: part of this one is over already.
        (7.8, 6.5, 6_500),
        (7.8, 6.8, 8_000),
        // What was seen teaches nothing about a longer one.
        (6.5, 12.0, 12_000),
    ] {
        let ends = replaced(alive, said).view_ends_after();
        assert_eq!(ends, millis(expected - 250), "{alive}, {said}");
    }
}

#[test]
fn what_was_believed_too_long_is_forgotten() {
    let mut life = replaced(7.8, 3.0);
    for token in ["three", "four"] {
        life.pass(10.0);
        let flight = life.launch();
        assert!(life.grant(flight, token, 3.0));
        assert_eq!(life.view_ends_after(), millis(2_750));
    }
}

#[test]
fn a_token_that_is_prolonged_teaches_nothing() {
    let mut life = Life::fresh();
    life.pass(250.0);
    let flight = life.launch();
    life.grant(flight, "one", 300.0);
    life.pass(299.75);
    let flight = life.launch();
    life.grant(flight, "one", 249.5);
    assert_eq!(life.view_ends_after(), millis(249_250));
}

#[test]
fn the_flight_after_its_end_waits_for_the_next_one() {
    for (alive, said, age, expected) in [
        // Known to live 8 s.
        (7.8, 7.0, 7.75, 8.0),
        (7.5, 8.0, 7.75, 8.0),
        // Not known: asked at once, and never between 0.3 and 0.8 s into a second.
        (6.5, 8.0, 7.75, 7.8),
        (6.5, 8.0, 8.2, 8.2),
        (6.5, 8.0, 8.3, 8.3),
        (6.5, 8.0, 8.5, 8.8),
        (6.5, 8.0, 8.9, 8.9),
    ] {
        let mut life = replaced(alive, said);
        let came = life.now;
        life.pass(age);
        let not_before = life.launch().not_before().unwrap();
        let expected = came.plus(Duration::from_secs_f64(expected));
        assert_eq!(
            not_before,
            expected.on_monotonic(),
            "{alive}, {said}, {age}"
        );
    }
}

#[test]
fn no_other_flight_waits() {
    let mut life = Life::with(8.0);
    life.pass(8.0);
    assert_eq!(life.launch().not_before(), None, "not known to be sticky");
    let mut life = repeated(6.5, 1.0);
    assert!(life.state.refuse(1, life.now));
    let flight = life.launch();
    assert_eq!(
        (flight.reason(), flight.not_before()),
        (Reason::Refused, None)
    );
}

#[test]
fn the_last_breath_of_a_token_is_waited_out_by_the_flight() {
    let mut life = repeated(6.5, 1.0);
    life.now = START.plus(Duration::from_secs(8));
    let flight = life.launch();
    for nth in 1..=6 {
        let pause = life.answered(flight, "one", 0.0);
        assert_eq!(pause, Some(millis(250)), "the {nth}th time");
    }
    // More often than any rounding explains.
    for _ in 0..2 {
        assert_eq!(life.answered(flight, "one", 0.0), Some(millis(1_000)));
    }
    // Of another flight nobody asks.
    life.grant(flight, "two", 8.0);
    assert_eq!(life.answered(flight, "two", 0.0), None);
    // The next flight counts anew.
    life.pass(8.0);
    let flight = life.launch();
    assert_eq!(life.answered(flight, "two", 0.0), Some(millis(250)));
}

#[test]
fn the_last_breath_of_a_token_that_others_had_minted_is_waited_out() {
    // Of an issuer that was never seen to repeat a token, it is no token.
    let mut life = Life::fresh();
    life.pass(300.0);
    let flight = life.launch();
    assert_eq!(life.answered(flight, "two", 0.0), None);
    let mut life = repeated(6.5, 1.0);
    life.pass(300.0);
    let flight = life.launch();
    assert_eq!(life.answered(flight, "two", 0.0), Some(millis(250)));
}

#[test]
fn a_token_with_life_left_is_no_last_breath() {
    let mut life = repeated(6.5, 1.0);
    life.pass(1.5);
    let flight = life.launch();
    assert_eq!(life.answered(flight, "one", 0.5), None);
    // Unless that was over on the way.
    let sent = life.said(0.5);
    life.pass(0.49);
    let one = Bearer::new("one").unwrap();
    let pause = life
        .state
        .answered(flight.number(), &one, &sent, life.now, &life.policy);
    // 0.49 s and 0.25 s into a second: good is 0.8 s.
    assert_eq!(pause, Some(millis(310)));
}

/// The API refuses the token, and the issuer, asked for another one, repeats it for so many `seconds`.
fn refused_and_repeated(seconds: f64) -> Life {
    let mut life = Life::fresh();
    assert!(life.state.refuse(1, life.now));
    let flight = life.launch();
    assert!(life.grant(flight, "one", seconds));
    life
}

#[test]
fn a_token_that_the_api_refused_and_the_issuer_repeats_is_served_again() {
    let mut life = refused_and_repeated(300.0);
    assert_eq!(life.served(), "one");
    assert!(!life.state.refuse(1, life.now), "one fetch was enough");
    assert_eq!(life.served(), "one");
}

#[test]
fn one_that_is_refused_again_long_after_is_fetched_again() {
    let mut life = refused_and_repeated(3_600.0);
    life.pass(299.0);
    assert!(!life.state.refuse(1, life.now));
    life.pass(1.0);
    assert!(life.state.refuse(1, life.now));
    let flight = life.launch();
    assert!(life.grant(flight, "two", 3_600.0));
    assert_eq!(life.served(), "two");
}

#[test]
fn an_issuer_that_was_asked_before_the_refusal_has_not_answered_it() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let flight = life.launch();
    let asked = life.said(60.0);
    life.pass(0.1);
    assert!(life.state.refuse(1, life.now));
    life.pass(0.1);
    let one = Bearer::new("one").unwrap();
    assert!(life.land(flight, Outcome::Granted(one, asked)));
    assert!(life.state.usable(life.now).is_none());
    // Who keeps it warm asks at once.
    let look = life.state.next_look_unasked(life.now, &life.policy);
    assert_eq!(look, Some(life.now));
    let flight = life.launch();
    assert_eq!(flight.reason(), Reason::Refused);
    assert!(life.grant(flight, "one", 59.0));
    assert_eq!(life.served(), "one");
}

#[test]
fn a_refusal_that_was_answered_is_not_when_the_token_was_lost() {
    let mut life = refused_and_repeated(300.0);
    life.pass(301.0);
    let over = life.state.over_for(life.now).unwrap();
    assert!(over < Duration::from_secs(30), "{over:?}");
}

#[test]
fn a_token_that_is_over_when_it_comes_leaves_what_was_there() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let flight = life.launch();
    let over = Outcome::Granted(Bearer::new("two").unwrap(), life.said(0.0));
    assert!(life.land(flight, over));
    assert_eq!(life.served(), "one");
    let error = life.state.last_error(life.now).unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidAnswer);
}
