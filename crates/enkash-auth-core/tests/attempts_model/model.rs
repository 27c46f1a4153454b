//! The model: its configuration, and the invariants.

use enkash_auth_core::{
    Timestamp,
    account::{Acquire, AttemptContext, AttemptId, AttemptOutcome, Facts, Witness},
};
use stateright::{Model, Property};

use crate::{
    action::Action,
    history::{History, Known},
    progress,
    protocol::{OnStoreDown, Protocol},
    rules::Rule,
    server::Server,
    world::{Budget, Content, Process, Register, World, credentials, lease},
};

/// One configuration.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    pub(crate) name: &'static str,
    /// Of each process.
    pub(crate) credentials: &'static [u8],
    /// How many attempts each process may begin.
    pub(crate) fetches: u8,
    pub(crate) right: u8,
    /// The credentials that are known good on the record, at the beginning.
    pub(crate) known_good: Option<u8>,
    pub(crate) budget: Budget,
    pub(crate) policy: OnStoreDown,
    /// Whether a read and its write are two steps, and the last check of the clock and the first byte.
    pub(crate) is_split: bool,
    /// Whether the server responds to probes.
    pub(crate) has_probes: bool,
    pub(crate) off: Option<Rule>,
    /// Whether progress is checked in each state.
    pub(crate) has_progress: bool,
}

impl Model for Attempts {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let (content, version) = match self.known_good {
            Some(good) => (Content::Record(known_good(good)), 1),
            None => (Content::Absent, 0),
        };
        let process = |credentials: &u8| {
            let mut witness = Witness::default();
            if let Content::Record(facts) = &content {
                witness.observe(facts);
            }
            Process {
                credentials: *credentials,
                fetches: self.fetches,
                witness,
                ..Process::default()
            }
        };
        vec![World {
            now: 0,
            skew: 0,
            store_up: true,
            wire_up: true,
            processes: self.credentials.iter().map(process).collect(),
            registers: vec![Register {
                content,
                version,
                known: Known::default(),
            }],
            snapshot: None,
            operator: None,
            requests: Vec::new(),
            server: Server {
                right: self.right,
                failures: 0,
            },
            budget: self.budget,
            history: History {
                last_success: self.known_good,
                is_current: 7,
                ..History::default()
            },
        }]
    }

    fn actions(&self, w: &World, actions: &mut Vec<Action>) {
        actions.extend(Action::possible(w));
    }

    fn next_state(&self, w: &World, action: Action) -> Option<World> {
        let mut w = w.clone();
        action.take(self, &mut w);
        w.renumber();
        Some(w)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no third strike", |_, w: &World| w.history.allows_strikes()),
            Property::always(
                "no third strike with the store down",
                |model: &Self, w: &World| {
                    w.history
                        .allows_unstored(model.policy, model.credentials.len())
                },
            ),
            Property::always("nothing is sent against the rules", |_, w: &World| {
                w.history.violation.is_none()
            }),
            Property::always("progress", |model: &Self, w: &World| {
                !model.has_progress || progress::check(model, w).is_ok()
            }),
        ]
    }
}

impl Attempts {
    pub(crate) fn is_on(&self, rule: Rule) -> bool {
        self.off != Some(rule)
    }

    /// Process `p`, to take a step.
    pub(crate) fn process<'a>(&'a self, w: &'a mut World, p: usize) -> Protocol<'a> {
        Protocol { model: self, w, p }
    }
}

/// The facts of an account whose last success used credentials number `n`.
fn known_good(n: u8) -> Facts {
    let (mut facts, credentials) = (Facts::default(), credentials(n));
    let now = Timestamp::new(0, 1_000_000_000_000_000_000);
    let ctx = AttemptContext {
        id: AttemptId::new([0xff; 16]),
        salt: [7; 16],
        credentials: &credentials,
        lease: lease(),
        retry_unresolved_after: None,
        probe: None,
    };
    if let Acquire::Granted(permit) = facts.acquire(&ctx, &Witness::default(), now) {
        facts.record_outcome(&permit, AttemptOutcome::Granted, now);
    }
    facts
}
