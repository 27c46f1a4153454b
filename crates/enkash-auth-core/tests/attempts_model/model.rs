//! The model: the possible next steps, and the invariants.

use enkash_auth_core::{
    Timestamp,
    account::{Acquire, AttemptContext, AttemptId, AttemptOutcome, Facts, Witness},
};
use stateright::{Model, Property};

use crate::{
    history::History,
    progress,
    protocol::{OnStoreDown, Write},
    rules::Rule,
    world::{
        Budget, Content, LEASE, LONG, OpKind, Process, Register, Request, SHORT, Server, Stage,
        World, credentials, lease,
    },
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
    pub(crate) off: Option<Rule>,
    /// Whether progress is checked in each state.
    pub(crate) has_progress: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Action {
    /// A process reads the record, and begins an attempt if it may.
    Read(usize, OpKind),
    /// It writes the prepared record.
    Write(usize, Write),
    Check(usize),
    Send(usize),
    /// The owner times out.
    GiveUp(usize),
    /// The server processes a request.
    Handle(AttemptId, Reply),
    Crash(usize),
    Tick(u64),
    ClockStep(i64),
    Outage,
    Silence,
    ChangePassword(u8),
    Reset(bool),
    FinishReset,
    Lose,
    Snapshot,
    Rollback,
    Damage,
    Newer,
    Split,
    Heal(usize),
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Reply {
    Arrives,
    IsLost,
    /// An unrecognised 4xx.
    IsBlurred,
    /// A 502 instead of it.
    IsGateway,
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
                known: crate::history::Known::default(),
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
        for p in 0..w.processes.len() {
            self.process_actions(w, p, actions);
        }
        for request in &w.requests {
            let id = request.id;
            if !waits(w, id) {
                actions.push(Action::Handle(id, Reply::IsLost));
                continue;
            }
            let is_rejected = request.credentials != w.server.right && w.server.failures < 3;
            if w.wire_up {
                actions.push(Action::Handle(id, Reply::Arrives));
                if is_rejected && w.budget.blurred > 0 {
                    actions.push(Action::Handle(id, Reply::IsBlurred));
                }
                if is_rejected && w.budget.gateways > 0 {
                    actions.push(Action::Handle(id, Reply::IsGateway));
                }
            }
            if !w.wire_up || w.budget.lost > 0 {
                actions.push(Action::Handle(id, Reply::IsLost));
            }
        }
        self.faults(w, actions);
    }

    fn next_state(&self, w: &World, action: Action) -> Option<World> {
        let mut w = w.clone();
        self.step(&mut w, action);
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
    fn process_actions(&self, w: &World, p: usize, actions: &mut Vec<Action>) {
        let process = &w.processes[p];
        let is_idle = process.op.is_none();
        if let Some(op) = &process.op {
            actions.push(Action::Write(p, Write::Fine));
            if op.is_different && w.store_up && w.budget.write_errors > 0 {
                actions.push(Action::Write(p, Write::FailsAfter));
                actions.push(Action::Write(p, Write::FailsBefore));
            }
        }
        match &process.attempt {
            None if process.fetches > 0 && is_idle => {
                actions.push(Action::Read(p, OpKind::Acquire));
            }
            None => {}
            Some(own) => match own.stage {
                Stage::Granted => actions.push(Action::Check(p)),
                Stage::Checked => actions.push(Action::Send(p)),
                Stage::Sent if !w.wire_up || w.budget.lost > 0 => actions.push(Action::GiveUp(p)),
                Stage::Sent => {}
                Stage::Ended(_) if is_idle => actions.push(Action::Read(p, OpKind::Report)),
                Stage::Ended(_) => {}
            },
        }
        if is_idle && !process.witness.is_quiet() && w.store_up {
            actions.push(Action::Read(p, OpKind::Look));
        }
        if w.budget.crashes > 0 {
            actions.push(Action::Crash(p));
        }
    }

    fn faults(&self, w: &World, actions: &mut Vec<Action>) {
        let budget = &w.budget;
        let mut may = |left: u8, action| {
            if left > 0 {
                actions.push(action);
            }
        };
        may(budget.short, Action::Tick(SHORT));
        may(budget.long, Action::Tick(LONG));
        may(budget.clock_steps, Action::ClockStep(20));
        may(budget.clock_steps, Action::ClockStep(-20));
        may(budget.outages + u8::from(!w.store_up), Action::Outage);
        may(budget.silences + u8::from(!w.wire_up), Action::Silence);
        may(
            budget.passwords,
            Action::ChangePassword((w.server.right + 1) % 3),
        );
        if w.store_up && w.registers.len() == 1 {
            may(budget.resets, Action::Reset(false));
            may(budget.allowing_resets, Action::Reset(true));
            may(u8::from(w.operator.is_some()), Action::FinishReset);
            may(budget.splits, Action::Split);
            if w.registers[0].content != Content::Absent {
                may(budget.losses, Action::Lose);
                may(budget.damages, Action::Damage);
                may(budget.newer, Action::Newer);
            }
            may(
                budget.rollbacks * u8::from(w.snapshot.is_none()),
                Action::Snapshot,
            );
            may(
                budget.rollbacks
                    * u8::from(w.snapshot.as_ref().is_some_and(|of| *of != w.registers[0])),
                Action::Rollback,
            );
        }
        if w.registers.len() > 1 {
            actions.extend([Action::Heal(0), Action::Heal(1)]);
        }
    }

    pub(crate) fn step(&self, w: &mut World, action: Action) {
        match action {
            Action::Read(p, kind) => {
                self.read(w, p, kind);
                if !self.is_split && w.budget.write_errors == 0 {
                    self.write(w, p, Write::Fine);
                }
            }
            Action::Write(p, how) => {
                if how != Write::Fine {
                    w.budget.write_errors -= 1;
                }
                self.write(w, p, how);
            }
            Action::Check(p) => {
                self.check(w, p);
                if !self.is_split
                    && w.processes[p]
                        .attempt
                        .as_ref()
                        .is_some_and(|own| own.stage == Stage::Checked)
                {
                    self.send(w, p);
                }
            }
            Action::Send(p) => self.send(w, p),
            Action::GiveUp(p) => {
                spend_lost(w);
                end(w, p, AttemptOutcome::Unresolved { complete: false }, true);
            }
            Action::Handle(id, reply) => self.handle(w, id, reply),
            Action::Crash(p) => crash(w, p),
            Action::Tick(by) => tick(w, by),
            Action::ClockStep(by) => {
                w.budget.clock_steps -= 1;
                w.skew += by;
            }
            Action::Outage => {
                w.budget.outages -= u8::from(w.store_up);
                w.history.outages += u8::from(w.store_up);
                w.store_up = !w.store_up;
            }
            Action::Silence => {
                w.budget.silences -= u8::from(w.wire_up);
                w.wire_up = !w.wire_up;
            }
            Action::ChangePassword(right) => {
                w.budget.passwords -= 1;
                w.server.right = right;
                w.history.is_changed = true;
            }
            Action::Reset(allow) => {
                match allow {
                    true => w.budget.allowing_resets -= 1,
                    false => w.budget.resets -= 1,
                }
                w.operator = None;
                self.reset(w, allow);
            }
            Action::FinishReset => self.reset(w, false),
            Action::Lose => {
                w.budget.losses -= 1;
                w.registers[0] = Register {
                    content: Content::Absent,
                    version: 0,
                    known: crate::history::Known::default(),
                };
                let is_open = is_open(w);
                w.history.lose_record(is_open);
            }
            Action::Damage => {
                w.budget.damages -= 1;
                // The record that replaces it counts two, but an operator that clears them has seen no third.
                w.history.losses += u8::from(is_open(w));
                w.registers[0].content = Content::Damaged;
                w.registers[0].version = w.fresh_version();
                w.registers[0].known = crate::history::Known::default();
                w.history.is_record_lost = true;
            }
            Action::Newer => {
                w.budget.newer -= 1;
                w.registers[0].content = Content::Newer;
                w.registers[0].version = w.fresh_version();
                w.history.is_record_lost = true;
            }
            Action::Snapshot => w.snapshot = Some(w.registers[0].clone()),
            Action::Rollback => {
                w.budget.rollbacks -= 1;
                if let Some(snapshot) = w.snapshot.clone() {
                    w.registers[0] = snapshot;
                    let is_open = is_open(w);
                    w.history.lose_record(is_open);
                }
            }
            Action::Split => {
                w.budget.splits -= 1;
                w.history.splits += 1;
                w.history.is_record_lost = true;
                let copy = w.registers[0].clone();
                w.registers.push(copy);
            }
            Action::Heal(side) => {
                w.registers = vec![w.registers[side].clone()];
            }
        }
    }

    /// The server processes a request, and sends the response.
    pub(crate) fn handle(&self, w: &mut World, id: AttemptId, reply: Reply) {
        let Some(at) = w.requests.iter().position(|request| request.id == id) else {
            return;
        };
        let is_waited_for = waits(w, id);
        let request = w.requests.remove(at);
        let p = usize::from(request.owner);
        let is_known_good = w.processes[p]
            .attempt
            .as_ref()
            .is_some_and(|own| own.permit.id() == id && own.permit.is_known_good());
        let response = if w.server.failures >= 3 {
            AttemptOutcome::Locked
        } else if request.credentials == w.server.right {
            w.server.failures = 0;
            w.history.clear_counts();
            AttemptOutcome::Granted
        } else {
            w.server.failures += 1;
            let history = &mut w.history;
            match reply {
                _ if request.is_in_time && w.now >= request.began + LEASE => history.late += 1,
                Reply::IsGateway => history.gateways += 1,
                _ if request.is_unstored => history.unstored[p] += 1,
                _ => history.strikes += 1,
            }
            AttemptOutcome::Rejected { guessed: false }
        };
        if !is_waited_for {
            return;
        }
        let unresolved = |complete| AttemptOutcome::Unresolved { complete };
        let outcome = match reply {
            Reply::Arrives => response,
            Reply::IsLost => {
                spend_lost(w);
                unresolved(false)
            }
            Reply::IsBlurred => {
                w.budget.blurred -= 1;
                match is_known_good {
                    _ if self.off == Some(Rule::OnlyLost) => unresolved(false),
                    _ if self.off == Some(Rule::GuessRejection) => unresolved(true),
                    true => unresolved(true),
                    false => AttemptOutcome::Rejected { guessed: true },
                }
            }
            Reply::IsGateway => {
                w.budget.gateways -= 1;
                AttemptOutcome::Uncounted
            }
        };
        // The response counts as it is, however it is classified.
        if let Some(own) = &mut w.processes[p].attempt {
            own.rejection = match (reply, response) {
                (Reply::IsBlurred, _) if !is_known_good => Some(true),
                (Reply::Arrives, AttemptOutcome::Rejected { .. }) => Some(false),
                _ => None,
            };
        }
        end(w, p, outcome, reply == Reply::IsLost);
    }
}

/// The owner has the outcome of its attempt.
fn end(w: &mut World, p: usize, outcome: AttemptOutcome, is_lost: bool) {
    let Some(own) = &mut w.processes[p].attempt else {
        return;
    };
    own.stage = Stage::Ended(outcome);
    let (id, wire_was_up) = (own.permit.id(), own.wire_was_up);
    if is_lost {
        w.history.lose_response(wire_was_up);
    }
    for begun in w.history.begun.iter_mut().filter(|begun| begun.id == id) {
        begun.is_uncounted = outcome == AttemptOutcome::Uncounted;
    }
}

fn spend_lost(w: &mut World) {
    if w.wire_up {
        w.budget.lost -= 1;
    }
}

fn crash(w: &mut World, p: usize) {
    w.budget.crashes -= 1;
    w.history.crash(p);
    let old = std::mem::take(&mut w.processes[p]);
    let own = old.attempt.iter().filter(|own| !own.is_unstored);
    w.history.orphans.extend(own.map(|own| own.permit.id()));
    if let Some(own) = &old.attempt
        && matches!(own.stage, Stage::Sent | Stage::Ended(_))
    {
        w.history.lose_response(own.wire_was_up);
    }
    w.processes[p] = Process {
        credentials: old.credentials,
        life: old.life + 1,
        fetches: old.fetches,
        ..Process::default()
    };
}

fn tick(w: &mut World, by: u64) {
    for own in w
        .processes
        .iter()
        .filter_map(|process| process.attempt.as_ref())
    {
        // A response that is not reported before the lease passes is lost to all others.
        let end = own.began + LEASE;
        if matches!(own.stage, Stage::Sent | Stage::Ended(_)) && w.now < end && end <= w.now + by {
            w.history.lose_response(own.wire_was_up);
        }
    }
    w.now += by;
    match by {
        SHORT => w.budget.short -= 1,
        _ => {
            w.budget.long -= 1;
            w.history.pauses += 1;
            // The server has long abandoned requests that it has not processed.
            w.requests.clear();
        }
    }
}

/// Whether an attempt is in flight, also if its owner is dead.
fn is_open(w: &World) -> bool {
    let is_on_its_way = |request: &Request| w.now < request.began + LEASE;
    let mut processes = w.processes.iter();
    let is_open = processes.any(|process| process.attempt.is_some());
    is_open || !w.history.orphans.is_empty() || w.requests.iter().any(is_on_its_way)
}

/// Whether the owner of a request waits for its response.
pub(crate) fn waits(w: &World, id: AttemptId) -> bool {
    w.processes.iter().any(|process| {
        let own = process.attempt.as_ref();
        own.is_some_and(|own| own.permit.id() == id && own.stage == Stage::Sent)
    })
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
