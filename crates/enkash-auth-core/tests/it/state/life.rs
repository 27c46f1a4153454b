use std::time::Duration;

use enkash_auth_core::{
    Bearer, Failure, FailureKind, Policy, Timestamp,
    lifetime::{Exchange, Expiry, Lifetime},
    state::{FetchOutcome, Lookup, PendingFetch, State},
};

pub(crate) const START: Timestamp = Timestamp::new(1_000_000_000_000, 1_767_268_800_000_000_000);

/// A state with its clock and policy.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) state: State,
    pub(crate) now: Timestamp,
    pub(crate) policy: Policy,
}

impl Life {
    pub(crate) fn new() -> Self {
        Self {
            state: State::new(),
            now: START,
            policy: Policy::default(),
        }
    }

    pub(crate) fn pass(&mut self, seconds: f64) {
        self.now = self.now + Duration::from_secs_f64(seconds);
    }

    pub(crate) fn lookup(&mut self) -> (Lookup, Option<PendingFetch>) {
        let decision = self.state.lookup(self.now, Ok(()), &self.policy);
        (decision.lookup, decision.spawn)
    }

    pub(crate) fn spawn(&mut self) -> PendingFetch {
        self.lookup().1.unwrap()
    }

    pub(crate) fn complete(&mut self, pending: PendingFetch, outcome: FetchOutcome) -> bool {
        self.state
            .complete(pending.number(), outcome, self.now, 1.0, &self.policy)
    }

    /// The lifetime of a token that was requested now, with `seconds` of it left.
    pub(crate) fn lifetime(&self, seconds: f64) -> Lifetime {
        let expiries = [Expiry::In(Duration::from_secs_f64(seconds))];
        Exchange::new(self.now, None).lifetime(&expiries)
    }

    pub(crate) fn grant(&mut self, pending: PendingFetch, token: &str, seconds: f64) -> bool {
        let granted = FetchOutcome::Granted(Bearer::new(token).unwrap(), self.lifetime(seconds));
        self.complete(pending, granted)
    }

    pub(crate) fn received(
        &mut self,
        pending: PendingFetch,
        token: &str,
        seconds: f64,
    ) -> Option<Duration> {
        let (bearer, lifetime) = (Bearer::new(token).unwrap(), self.lifetime(seconds));
        let (number, now) = (pending.number(), self.now);
        self.state
            .received(number, &bearer, &lifetime, now, &self.policy)
    }

    pub(crate) fn fail(&mut self, pending: PendingFetch, kind: FailureKind) -> bool {
        self.complete(pending, FetchOutcome::Failed(Failure::new(kind, "")))
    }

    /// With a fresh token that lives for `seconds`.
    pub(crate) fn with(seconds: f64) -> Self {
        let mut life = Self::new();
        // Long enough ago to allow background refreshes.
        let first = life.now - Duration::from_secs(10);
        drop(life.state.lookup(first, Err(no_runtime()), &life.policy));
        let pending = life.spawn();
        assert!(life.grant(pending, "one", seconds));
        life
    }

    /// With a fresh token of 300 s.
    pub(crate) fn fresh() -> Self {
        Self::with(300.0)
    }

    pub(crate) fn served(&mut self) -> String {
        match self.lookup().0 {
            Lookup::Ready(token) => token.expose().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn failed(&mut self) -> Failure {
        match self.lookup().0 {
            Lookup::Failed(error) => error,
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

/// The error of a caller that cannot fetch.
pub(crate) fn no_runtime() -> Failure {
    Failure::new(FailureKind::Unavailable, "no runtime")
}
