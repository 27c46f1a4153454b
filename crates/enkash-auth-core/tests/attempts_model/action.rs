//! The possible next steps, and what each does.

use enkash_auth_core::account::AttemptId;

use crate::{
    history::Known,
    model::Attempts,
    operator::Operator,
    protocol::Write,
    server::{Reply, give_up, handle},
    world::{Content, LONG, OpKind, Register, SHORT, Stage, World},
};

/// A step of a process, the server or the environment.
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

impl Action {
    /// Returns the steps that are possible in `w`.
    pub(crate) fn possible(w: &World) -> Vec<Self> {
        let mut actions = Vec::new();
        for p in 0..w.processes.len() {
            of_process(w, p, &mut actions);
        }
        for request in &w.requests {
            let id = request.id;
            if !w.waits(id) {
                actions.push(Self::Handle(id, Reply::IsLost));
                continue;
            }
            let is_rejected = request.credentials != w.server.right && w.server.failures < 3;
            if w.wire_up {
                actions.push(Self::Handle(id, Reply::Arrives));
                if is_rejected && w.budget.blurred > 0 {
                    actions.push(Self::Handle(id, Reply::IsBlurred));
                }
                if is_rejected && w.budget.gateways > 0 {
                    actions.push(Self::Handle(id, Reply::IsGateway));
                }
            }
            if !w.wire_up || w.budget.lost > 0 {
                actions.push(Self::Handle(id, Reply::IsLost));
            }
        }
        faults(w, &mut actions);
        actions
    }

    /// Takes the step.
    pub(crate) fn take(self, model: &Attempts, w: &mut World) {
        match self {
            Self::Read(p, kind) => {
                model.process(w, p).read(kind);
                if !model.is_split && w.budget.write_errors == 0 {
                    model.process(w, p).write(Write::Fine);
                }
            }
            Self::Write(p, how) => {
                if how != Write::Fine {
                    w.budget.write_errors -= 1;
                }
                model.process(w, p).write(how);
            }
            Self::Check(p) => {
                model.process(w, p).check();
                if !model.is_split
                    && w.processes[p]
                        .attempt
                        .as_ref()
                        .is_some_and(|own| own.stage == Stage::Checked)
                {
                    model.process(w, p).send();
                }
            }
            Self::Send(p) => model.process(w, p).send(),
            Self::GiveUp(p) => give_up(w, p),
            Self::Handle(id, reply) => handle(model.off, w, id, reply),
            Self::Crash(p) => w.crash(p),
            Self::Tick(by) => w.tick(by),
            Self::ClockStep(by) => {
                w.budget.clock_steps -= 1;
                w.skew += by;
            }
            Self::Outage => {
                w.budget.outages -= u8::from(w.store_up);
                w.history.outages += u8::from(w.store_up);
                w.store_up = !w.store_up;
            }
            Self::Silence => {
                w.budget.silences -= u8::from(w.wire_up);
                w.wire_up = !w.wire_up;
            }
            Self::ChangePassword(right) => {
                w.budget.passwords -= 1;
                w.server.right = right;
                w.history.is_changed = true;
            }
            Self::Reset(allow) => {
                match allow {
                    true => w.budget.allowing_resets -= 1,
                    false => w.budget.resets -= 1,
                }
                Operator::reset(model, w, allow);
            }
            Self::FinishReset => Operator::poll(model, w),
            Self::Lose => {
                w.budget.losses -= 1;
                w.registers[0] = Register {
                    content: Content::Absent,
                    version: 0,
                    known: Known::default(),
                };
                let is_open = w.is_open();
                w.history.lose_record(is_open);
            }
            Self::Damage => {
                w.budget.damages -= 1;
                // The record that replaces it counts two, but an operator that clears them has seen no third.
                w.history.losses += u8::from(w.is_open());
                w.registers[0].content = Content::Damaged;
                w.registers[0].version = w.fresh_version();
                w.registers[0].known = Known::default();
                w.history.damage_record();
            }
            Self::Newer => {
                w.budget.newer -= 1;
                if let Content::Record(facts) = w.registers[0].content.clone() {
                    w.registers[0].content = Content::Newer(facts);
                    w.registers[0].version = w.fresh_version();
                }
            }
            Self::Snapshot => w.snapshot = Some(w.registers[0].clone()),
            Self::Rollback => {
                w.budget.rollbacks -= 1;
                if let Some(snapshot) = w.snapshot.clone() {
                    w.registers[0] = snapshot;
                    let is_open = w.is_open();
                    w.history.lose_record(is_open);
                }
            }
            Self::Split => {
                w.budget.splits -= 1;
                w.history.splits += 1;
                let copy = w.registers[0].clone();
                w.registers.push(copy);
            }
            Self::Heal(side) => w.heal(side),
        }
    }
}

/// Adds the steps of process `p`.
fn of_process(w: &World, p: usize, actions: &mut Vec<Action>) {
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

/// Adds the events of the environment.
fn faults(w: &World, actions: &mut Vec<Action>) {
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
        }
        if matches!(w.registers[0].content, Content::Record(_)) {
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
