//! The life of a token, event by event.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use enkash_auth_core::{
    Bearer, Error, ErrorKind, Moment, RefreshPolicy,
    lifetime::{Exchange, Expiry},
    state::{Flight, Outcome, Reason, State, Verdict},
};

const START: Moment = Moment::new(1_000_000_000_000, 1_767_268_800_000_000_000);

/// A state, and the time.
struct Life {
    state: State,
    now: Moment,
    policy: RefreshPolicy,
}

impl Life {
    fn new() -> Self {
        Self {
            state: State::new(),
            now: START,
            policy: RefreshPolicy::default(),
        }
    }

    fn pass(&mut self, seconds: f64) {
        self.now = self.now.plus(Duration::from_secs_f64(seconds));
    }

    fn ask(&mut self) -> (Verdict, Option<Flight>) {
        let decision = self.state.ask(self.now, true, &self.policy);
        (decision.verdict, decision.launch)
    }

    fn launch(&mut self) -> Flight {
        self.ask().1.unwrap()
    }

    fn land(&mut self, flight: Flight, outcome: Outcome) -> bool {
        self.state
            .land(flight.number(), outcome, self.now, 1.0, &self.policy)
    }

    fn grant(&mut self, flight: Flight, token: &str, seconds: u64) -> bool {
        let said = [Expiry::In(Duration::from_secs(seconds))];
        let lifetime = Exchange::new(self.now, None).lifetime(&said);
        self.land(
            flight,
            Outcome::Granted(Bearer::new(token).unwrap(), lifetime),
        )
    }

    fn fail(&mut self, flight: Flight, kind: ErrorKind) -> bool {
        self.land(flight, Outcome::Failed(Error::new(kind, "")))
    }

    /// With a fresh token of 300 s.
    fn fresh() -> Self {
        let mut life = Self::new();
        let flight = life.launch();
        assert!(life.grant(flight, "one", 300));
        life
    }

    fn served(&mut self) -> String {
        match self.ask().0 {
            Verdict::Serve(token) => token.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    fn failed(&mut self) -> Error {
        match self.ask().0 {
            Verdict::Fail(error) => error,
            other => panic!("{other:?}"),
        }
    }

    fn view_ends_after(&self) -> Duration {
        self.state.view().unwrap().until().remaining(self.now)
    }
}

#[test]
fn the_first_to_ask_launches_and_the_others_join() {
    let mut life = Life::new();
    let flight = life.launch();
    assert_eq!((flight.number(), flight.reason()), (1, Reason::Cold));
    assert!(!flight.needs_fresh_connection());
    for _ in 0..3 {
        let (verdict, launch) = life.ask();
        assert!(matches!(verdict, Verdict::Wait(joined) if joined == flight));
        assert_eq!(launch, None);
    }
}

#[test]
fn a_fresh_token_is_served_and_nothing_is_launched() {
    let mut life = Life::fresh();
    assert_eq!(life.view_ends_after(), Duration::from_secs(240));
    life.pass(239.9);
    assert!(matches!(life.ask(), (Verdict::Serve(token), None) if token.generation() == 1));
}

#[test]
fn in_the_early_window_one_flight_is_launched_and_all_are_served() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let (verdict, launch) = life.ask();
    assert!(matches!(verdict, Verdict::Serve(_)));
    assert_eq!(launch.unwrap().reason(), Reason::Early);
    assert!(matches!(life.ask(), (Verdict::Serve(_), None)));
    assert_eq!(
        life.view_ends_after(),
        Duration::from_millis(8_500),
        "until it is overdue"
    );
}

#[test]
fn a_failed_early_renewal_leaves_the_token_and_pauses() {
    let mut life = Life::fresh();
    life.pass(240.0);
    let flight = life.launch();
    life.fail(flight, ErrorKind::Unavailable);
    assert_eq!(life.view_ends_after(), Duration::from_millis(750));
    assert!(matches!(life.ask(), (Verdict::Serve(_), None)));
    life.pass(0.75);
    assert_eq!(life.launch().number(), 3);
}

#[test]
fn a_token_is_served_up_to_its_deadline_and_never_after() {
    let mut life = Life::fresh();
    life.pass(293.999);
    assert_eq!(life.served(), "one");
    life.pass(0.001);
    assert!(matches!(life.ask().0, Verdict::Wait(_)));
}

#[test]
fn either_clock_ends_a_token() {
    for now in [
        Moment::new(
            START.monotonic_nanos(),
            START.unix_nanos() + 294_000_000_000,
        ),
        Moment::new(START.monotonic_nanos() + 294_000_000_000, 0),
    ] {
        let mut life = Life::fresh();
        life.now = now;
        let (verdict, launch) = life.ask();
        assert!(matches!(verdict, Verdict::Wait(_)));
        assert_eq!(launch.unwrap().reason(), Reason::Over);
    }
}

#[test]
fn setting_the_wall_clock_ends_no_flight_and_no_pause() {
    let mut life = Life::new();
    let flight = life.launch();
    let forth = Moment::new(START.monotonic_nanos(), u64::MAX - 1);
    life.now = forth;
    assert!(matches!(life.ask(), (Verdict::Wait(joined), None) if joined == flight));
    life.now = START;
    life.fail(flight, ErrorKind::Unavailable);
    life.now = forth;
    assert_eq!(life.failed().kind(), ErrorKind::Unavailable);
}

#[test]
fn a_pause_doubles_up_to_its_bound_and_never_overflows() {
    let mut life = Life::new();
    let mut pauses = Vec::new();
    for _ in 0..100 {
        let flight = life.launch();
        life.fail(flight, ErrorKind::Unavailable);
        let pause = life.failed().retry_after().unwrap();
        pauses.push(pause.as_millis());
        life.now = life.now.plus(pause);
    }
    assert_eq!(
        pauses[..7],
        [750, 1_500, 3_000, 6_000, 12_000, 24_000, 30_000]
    );
    assert!(pauses[7..].iter().all(|pause| *pause == 30_000));
}

#[test]
fn a_success_ends_the_pauses() {
    let mut life = Life::new();
    for _ in 0..2 {
        let flight = life.launch();
        life.fail(flight, ErrorKind::Unavailable);
        life.pass(10.0);
    }
    let flight = life.launch();
    life.grant(flight, "one", 300);
    assert!(life.state.last_error(life.now).is_none());
    life.pass(299.0);
    let flight = life.launch();
    life.fail(flight, ErrorKind::Unavailable);
    assert_eq!(
        life.failed().retry_after().unwrap(),
        Duration::from_millis(750)
    );
}

#[test]
fn retry_after_is_honoured_within_its_bound() {
    for (asked, granted) in [(0, 750), (2, 2_000), (86_400, 300_000)] {
        let mut life = Life::new();
        let flight = life.launch();
        let error =
            Error::new(ErrorKind::Unavailable, "").with_retry_after(Duration::from_secs(asked));
        life.land(flight, Outcome::Failed(error));
        assert_eq!(
            life.failed().retry_after(),
            Some(Duration::from_millis(granted))
        );
    }
}

#[test]
fn a_quarantined_state_looks_every_five_seconds() {
    let mut life = Life::new();
    for _ in 0..10 {
        let flight = life.launch();
        life.fail(flight, ErrorKind::Rejected);
        life.pass(4.9);
        assert_eq!(life.failed().kind(), ErrorKind::Rejected);
        life.pass(0.1);
    }
}

#[test]
fn an_overdue_flight_is_abandoned_and_its_late_landing_changes_nothing() {
    let mut life = Life::new();
    let first = life.launch();
    life.pass(8.5);
    let decision = life.state.ask(life.now, true, &life.policy);
    let second = decision.launch.unwrap();
    assert!(decision.abandoned);
    assert_eq!(second.number(), 2);
    assert!(second.needs_fresh_connection());

    assert!(!life.grant(first, "late", 300));
    assert!(matches!(life.ask().0, Verdict::Wait(joined) if joined == second));
    assert!(life.grant(second, "two", 300));
    assert_eq!(life.served(), "two");
    assert!(!life.fail(first, ErrorKind::Rejected));
    assert_eq!(life.served(), "two");
}

#[test]
fn an_aborted_flight_is_followed_by_another_without_a_pause() {
    let mut life = Life::new();
    let flight = life.launch();
    assert!(life.land(flight, Outcome::Aborted));
    let next = life.launch();
    assert!(next.needs_fresh_connection());
    life.land(
        next,
        Outcome::Failed(Error::new(ErrorKind::Unavailable, "")),
    );
    life.pass(1.0);
    assert!(!life.launch().needs_fresh_connection(), "once is enough");
}

#[test]
fn what_cannot_be_fetched_for_is_served_or_failed() {
    let mut life = Life::new();
    let decision = life.state.ask(life.now, false, &life.policy);
    assert!(decision.launch.is_none());
    assert!(
        matches!(decision.verdict, Verdict::Fail(error) if error.kind() == ErrorKind::NoRuntime)
    );

    let mut life = Life::fresh();
    life.pass(250.0);
    let decision = life.state.ask(life.now, false, &life.policy);
    assert!(decision.launch.is_none());
    assert!(matches!(decision.verdict, Verdict::Serve(_)));
}

#[test]
fn a_token_that_is_over_when_it_comes_is_a_failure() {
    let mut life = Life::new();
    let flight = life.launch();
    let lifetime = Exchange::new(life.now, None).lifetime(&[Expiry::Over]);
    life.land(
        flight,
        Outcome::Granted(Bearer::new("one").unwrap(), lifetime),
    );
    assert_eq!(life.failed().kind(), ErrorKind::InvalidAnswer);

    // So is one that took longer to come than it lives.
    let mut life = Life::new();
    let flight = life.launch();
    let lifetime = Exchange::new(life.now, None).lifetime(&[Expiry::In(Duration::from_secs(2))]);
    life.pass(5.0);
    life.land(
        flight,
        Outcome::Granted(Bearer::new("one").unwrap(), lifetime),
    );
    assert_eq!(life.failed().kind(), ErrorKind::InvalidAnswer);
}

#[test]
fn the_same_token_keeps_its_generation_and_another_gets_the_next() {
    let mut life = Life::fresh();
    for (token, generation) in [("one", 1), ("two", 2), ("two", 2), ("one", 3)] {
        life.pass(250.0);
        let flight = life.launch();
        life.grant(flight, token, 300);
        assert_eq!(life.state.token().unwrap().generation(), generation);
    }
}
