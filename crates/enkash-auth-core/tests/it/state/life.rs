use std::time::Duration;

use enkash_auth_core::{
    Bearer, Error, ErrorKind, RefreshPolicy, Timestamp,
    lifetime::{Exchange, Expiry, Lifetime},
    state::{Flight, Outcome, State, Verdict},
};

pub(crate) const START: Timestamp = Timestamp::new(1_000_000_000_000, 1_767_268_800_000_000_000);

/// A state, and the time.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) policy: RefreshPolicy,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            state: State::new(),
            now: START,
            policy: RefreshPolicy::default(),
        }
    }

    pub(crate) fn pass(&mut self, seconds: f64) {
        self.now = self.now + Duration::from_secs_f64(seconds);
    }

    pub(crate) fn ask(&mut self) -> (Verdict, Option<Flight>) {
        let decision = self.state.ask(self.now, true, &self.policy);
        (decision.verdict, decision.launch)
    }

    pub(crate) fn launch(&mut self) -> Flight {
        self.ask().1.unwrap()
    }

    pub(crate) fn land(&mut self, flight: Flight, outcome: Outcome) -> bool {
        self.state
            .land(flight.number(), outcome, self.now, 1.0, &self.policy)
    }

    /// The lifetime of a token that was asked for now, with `seconds` of it left.
    pub(crate) fn said(&self, seconds: f64) -> Lifetime {
        let said = [Expiry::In(Duration::from_secs_f64(seconds))];
        Exchange::new(self.now, None).lifetime(&said)
    }

    pub(crate) fn grant(&mut self, flight: Flight, token: &str, seconds: f64) -> bool {
        let granted = Outcome::Granted(Bearer::new(token).unwrap(), self.said(seconds));
        self.land(flight, granted)
    }

    pub(crate) fn answered(
        &mut self,
        flight: Flight,
        token: &str,
        seconds: f64,
    ) -> Option<Duration> {
        let (bearer, lifetime) = (Bearer::new(token).unwrap(), self.said(seconds));
        let (number, now) = (flight.number(), self.now);
        self.state
            .answered(number, &bearer, &lifetime, now, &self.policy)
    }

    pub(crate) fn fail(&mut self, flight: Flight, kind: ErrorKind) -> bool {
        self.land(flight, Outcome::Failed(Error::new(kind, "")))
    }

    /// With a fresh token that lives for `seconds`.
    pub(crate) fn with(seconds: f64) -> Self {
        let mut life = Self::new();
        // It has lived for long enough to refresh in the background.
        let first = life.now - Duration::from_secs(10);
        drop(life.state.ask(first, false, &life.policy));
        let flight = life.launch();
        assert!(life.grant(flight, "one", seconds));
        life
    }

    /// With a fresh token of 300 s.
    pub(crate) fn fresh() -> Self {
        Self::with(300.0)
    }

    pub(crate) fn served(&mut self) -> String {
        match self.ask().0 {
            Verdict::Serve(token) => token.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failed(&mut self) -> Error {
        match self.ask().0 {
            Verdict::Fail(error) => error,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn view_ends_after(&self) -> Duration {
        self.state
            .view(self.now)
            .unwrap()
            .until()
            .remaining(self.now)
    }
}
