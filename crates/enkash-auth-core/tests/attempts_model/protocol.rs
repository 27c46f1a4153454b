//! The permit protocol over core's functions, step by step, as a process runs it.

use enkash_auth_core::{
    Credentials, FailureKind, Timestamp,
    account::{AccountRecord, Acquire, AttemptContext, AttemptOutcome, Facts, Permit, Witness},
};

use crate::{
    history::{Begun, Violation},
    model::Attempts,
    rules::{Rule, edited},
    server::Request,
    world::{
        Content, FETCH_LIMIT, LEASE, MOST, Op, OpKind, Own, Process, Stage, World, credentials,
        lease,
    },
};

/// The policy `OnStoreDown`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OnStoreDown {
    KnownGood,
    Hold,
    Attempt,
}

/// The result of a write.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Write {
    Fine,
    FailsBefore,
    FailsAfter,
}

/// A process that runs the protocol.
pub(crate) struct Protocol<'a> {
    pub(crate) model: &'a Attempts,
    pub(crate) w: &'a mut World,
    pub(crate) p: usize,
}

impl Protocol<'_> {
    /// Loads the record, and merges the witness. `None` if it is unavailable.
    fn load(&self) -> Option<(Facts, Facts)> {
        if !self.w.store_up {
            return None;
        }
        let register = &self.w.registers[self.w.side(self.p)];
        let (loaded, mut facts) = match &register.content {
            Content::Absent => (Facts::default(), Facts::default()),
            Content::Record(facts) => (facts.clone(), facts.clone()),
            Content::Damaged if !self.model.is_on(Rule::DamagedCounts) => Default::default(),
            Content::Damaged => {
                let record = AccountRecord::in_place_of(b"damaged", self.w.moment());
                (Facts::default(), record.facts().clone())
            }
            Content::Newer(_) if self.model.is_on(Rule::NewerIsUnavailable) => return None,
            Content::Newer(_) => Default::default(),
        };
        if self.model.is_on(Rule::MergeWitness) {
            let mut witnessed = self.process().witness.facts().clone();
            if !self.model.is_on(Rule::RememberCleared) {
                let forget = |facts: &Facts| edited(facts, |facts| drop(facts.remove("cleared")));
                (witnessed, facts) = (forget(&witnessed), forget(&facts));
            }
            facts.merge(&witnessed);
        }
        Some((loaded, facts))
    }

    /// Reads the register for an operation, and prepares the write.
    pub(crate) fn read(&mut self, kind: OpKind) {
        let now = self.w.moment();
        let Some((loaded, mut facts)) = self.load() else {
            return self.without_store(kind);
        };
        let version = self.w.registers[self.w.side(self.p)].version;
        let mut witness = self.process().witness.clone();
        witness.see(&facts, now);
        self.w.history.read(self.p, self.w.now);
        let (mut permit, mut is_current) = (None, false);
        match kind {
            OpKind::Acquire => permit = self.acquire(&mut facts, &witness, now),
            OpKind::Report => {
                if let Some((own, outcome)) = self.ended() {
                    is_current =
                        Rule::record(self.model.off, &mut facts, &own.permit, outcome, now);
                }
            }
            OpKind::Look => {}
        }
        let writes_back = kind != OpKind::Look || self.model.is_on(Rule::WriteBack);
        let began = self.w.now;
        let process = self.process_mut();
        process.witness = witness;
        process.op = Some(Op {
            kind,
            version,
            is_different: writes_back && facts != loaded,
            facts,
            permit,
            began,
            is_current,
        });
    }

    /// Whether the account is closed to the process, rather than busy or unavailable.
    pub(crate) fn is_closed(&self) -> bool {
        let (now, process) = (self.w.moment(), self.process());
        let Some((_, mut facts)) = self.load() else {
            return false;
        };
        let mut witness = process.witness.clone();
        witness.see(&facts, now);
        let credentials = credentials(process.credentials);
        match facts.acquire(&self.context(&credentials), &witness, now) {
            Acquire::Denied(error) => error.kind() != FailureKind::Unavailable,
            _ => false,
        }
    }

    fn context<'a>(&self, credentials: &'a Credentials) -> AttemptContext<'a> {
        AttemptContext {
            id: self.process().next_id(self.p),
            salt: [7; 16],
            credentials,
            lease: lease(),
            retry_unresolved_after: None,
            probe: None,
        }
    }

    fn acquire(&self, facts: &mut Facts, witness: &Witness, now: Timestamp) -> Option<Permit> {
        let credentials = credentials(self.process().credentials);
        let ctx = self.context(&credentials);
        Rule::acquire(self.model.off, facts, ctx, witness, now, self.has_probe())
    }

    /// Writes the prepared record, if nothing was written since.
    pub(crate) fn write(&mut self, how: Write) {
        let Some(op) = self.process_mut().op.take() else {
            return;
        };
        let (side, now) = (self.w.side(self.p), self.w.moment());
        let can_write = self.w.store_up && how != Write::FailsBefore;
        let is_same = self.w.registers[side].version == op.version;
        let has_written = op.is_different && can_write && is_same;
        if has_written {
            if matches!(self.w.registers[side].content, Content::Newer(_)) {
                self.w.history.violation = Some(Violation::NewerOverwritten);
            }
            self.w.registers[side].version = self.w.fresh_version();
            self.w.registers[side].content = Content::Record(op.facts.clone());
        }
        let has_failed = !self.w.store_up || how != Write::Fine;
        if op.is_different && has_failed {
            return self.failed(op, has_written, now);
        }
        if op.is_different && !is_same {
            // A conflict: retried from the load. Nothing is sent under this permit.
            if let (Some(permit), false) = (op.permit, self.model.is_on(Rule::WriteFirst)) {
                self.begin(permit, op.began, false);
            }
            return;
        }
        self.done(op, side);
    }

    /// A write failed, perhaps after it was done.
    fn failed(&mut self, op: Op, has_written: bool, now: Timestamp) {
        if let Some(permit) = op.permit {
            let is_ended = self.model.is_on(Rule::EndUnwritten);
            let process = self.process_mut();
            process.begun += 1;
            let witness = &mut process.witness;
            witness.begin(permit.id());
            if is_ended {
                witness.record_outcome(&permit, AttemptOutcome::Uncounted, now);
            }
            if has_written {
                self.w.history.begin(self.p, Some(self.w.side(self.p)));
                self.w.history.change(self.p);
                self.begun(&permit, true);
            }
        }
        if op.kind == OpKind::Report {
            self.report_to_witness(now);
        }
    }

    /// A write was done, or was not needed.
    fn done(&mut self, op: Op, side: usize) {
        self.w.history.look(self.p);
        if op.kind == OpKind::Acquire {
            self.w.history.end_orphans(self.p, op.began);
        }
        self.process_mut().witness.observe(&op.facts);
        let owner = u8::try_from(self.p).unwrap();
        let current = self.process().attempt.as_ref().map(|own| own.permit.id());
        let current = current.filter(|_| op.kind != OpKind::Report);
        let begun = &mut self.w.history.begun;
        begun.retain(|begun| {
            !begun.is_uncounted || begun.owner != owner || Some(begun.id) == current
        });
        let own = begun.iter_mut().filter(|begun| begun.owner == owner);
        own.for_each(|begun| begun.is_stored = true);
        let mut known = self.w.registers[side].known;
        known.merge(self.process().known);
        self.w.registers[side].known = known;
        self.process_mut().known = known;
        if let Some(permit) = op.permit {
            self.w.history.begin(self.p, Some(side));
            self.w.history.change(self.p);
            let witness = &mut self.process_mut().witness;
            witness.begin(permit.id());
            witness.observe(&op.facts);
            self.begin(permit, op.began, false);
        }
        if op.kind == OpKind::Report
            && let Some(own) = self.process_mut().attempt.take()
        {
            let id = own.permit.id();
            self.process_mut().witness.withdraw(id);
            let lost = Stage::Ended(AttemptOutcome::Unresolved { complete: false });
            self.w.history.report(id, own.stage != lost);
            let credentials = self.process().credentials;
            if let Some(guessed) = own.rejection {
                self.w.registers[side].known.add(credentials, guessed);
                self.process_mut().known.add(credentials, guessed);
                // Whatever happened in between, it counts from now on.
                let mut begun = self.w.history.begun.iter();
                if begun.all(|begun| begun.id != id) {
                    self.begun(&own.permit, false);
                }
            }
            if own.stage == Stage::Ended(AttemptOutcome::Granted) && op.is_current {
                self.w.history.last_success = Some(credentials);
                self.w.history.clear_begun(self.p, id, own.began);
            } else if own.stage != Stage::Ended(AttemptOutcome::Uncounted) {
                self.w.history.change(self.p);
            }
        }
    }

    fn report_to_witness(&mut self, now: Timestamp) {
        if let Some((own, outcome)) = self.ended() {
            let process = self.process_mut();
            process.witness.record_outcome(&own.permit, outcome, now);
            process.attempt = None;
            if let Some(guessed) = own.rejection {
                process.known.add(process.credentials, guessed);
            }
            let is_lost = outcome == AttemptOutcome::Unresolved { complete: false };
            self.w.history.report(own.permit.id(), !is_lost);
        }
    }

    /// The behaviour of a process when the store is down.
    fn without_store(&mut self, kind: OpKind) {
        let now = self.w.moment();
        match kind {
            OpKind::Look => return,
            OpKind::Report => return self.report_to_witness(now),
            OpKind::Acquire => {}
        }
        let is_newer = self.w.store_up;
        let process = self.process();
        let own = credentials(process.credentials);
        let mut facts = process.witness.facts().clone();
        let may = !is_newer
            && match self.model.policy {
                OnStoreDown::Hold => false,
                OnStoreDown::Attempt => true,
                OnStoreDown::KnownGood => {
                    (facts.is_known_good(&own) || !self.model.is_on(Rule::UnstoredKnownGood))
                        && (!process.witness.has_unstored()
                            || !self.model.is_on(Rule::UnstoredOnce))
                }
            };
        if !may {
            return;
        }
        if !self.model.is_on(Rule::UnstoredBudget) {
            facts = edited(&facts, |facts| drop(facts.remove("attempts")));
        }
        let mut witness = process.witness.clone();
        witness.see(&facts, now);
        let permit = self.acquire(&mut facts, &witness, now);
        self.process_mut().witness = witness;
        if let Some(permit) = permit {
            let witness = &mut self.process_mut().witness;
            witness.begin_unstored(permit.id(), &facts);
            let has_to_look = std::mem::take(&mut self.w.history.has_to_look);
            self.w.history.begin(self.p, None);
            self.w.history.has_to_look = has_to_look;
            self.begin(permit, self.w.now, true);
        }
    }

    /// The last check of the clock before the first byte.
    pub(crate) fn check(&mut self) {
        let now = self.w.now;
        if let Some(own) = &mut self.w.processes[self.p].attempt {
            own.is_in_time = now < own.began + FETCH_LIMIT;
            own.stage = match self.model.off {
                _ if own.is_in_time => Stage::Checked,
                Some(Rule::FetchLimit) => Stage::Checked,
                Some(Rule::UnsentUncounted) => {
                    Stage::Ended(AttemptOutcome::Unresolved { complete: false })
                }
                _ => Stage::Ended(AttemptOutcome::Uncounted),
            };
        }
    }

    /// The first byte leaves.
    pub(crate) fn send(&mut self) {
        let process = &mut self.w.processes[self.p];
        let Some(own) = &mut process.attempt else {
            return;
        };
        own.stage = Stage::Sent;
        let (permit, began, is_unstored) = (own.permit.clone(), own.began, own.is_unstored);
        let is_in_time = own.is_in_time;
        let request = Request {
            id: permit.id(),
            owner: u8::try_from(self.p).unwrap(),
            life: process.life,
            credentials: process.credentials,
            began,
            is_unstored,
            is_in_time,
        };
        if self.has_rival(&request) {
            self.w.history.violation = Some(Violation::TwoInFlight);
        }
        self.w.requests.push(request);
        self.w.requests.sort_by_key(|request| request.id);
        let begun = self.w.history.begun.iter_mut();
        let sent = begun.filter(|begun| begun.id == permit.id());
        sent.for_each(|begun| begun.is_uncounted = false);
    }

    /// Whether another owner waits for the response to a request of its own, and nothing excuses that.
    fn has_rival(&self, request: &Request) -> bool {
        let is_excused = request.is_unstored
            || request.is_in_time && self.w.now >= request.began + FETCH_LIMIT
            || self.w.history.losses + self.w.history.splits > 0;
        let is_rival = |other: &Request| {
            let owner = &self.w.processes[usize::from(other.owner)];
            let waits = owner.life == other.life
                && owner
                    .attempt
                    .as_ref()
                    .is_some_and(|own| own.permit.id() == other.id && own.stage == Stage::Sent);
            waits && !other.is_unstored && self.w.now < other.began + LEASE
        };
        !is_excused && self.w.requests.iter().any(is_rival)
    }

    /// Whether a probe has a response.
    fn has_probe(&self) -> bool {
        self.w.wire_up && self.model.has_probes
    }

    fn process(&self) -> &Process {
        &self.w.processes[self.p]
    }

    fn process_mut(&mut self) -> &mut Process {
        &mut self.w.processes[self.p]
    }

    /// The attempt of the process, if it has an outcome.
    fn ended(&self) -> Option<(Own, AttemptOutcome)> {
        let own = self.process().attempt.as_ref()?;
        match own.stage {
            Stage::Ended(outcome) => Some((own.clone(), outcome)),
            _ => None,
        }
    }

    /// The process has a permit.
    fn begin(&mut self, permit: Permit, began: u64, is_unstored: bool) {
        let had_probe = self.has_probe();
        self.begun(&permit, true);
        if let Some(begun) = self.w.history.begun.last_mut() {
            begun.is_stored = !is_unstored;
        }
        let process = &mut self.w.processes[self.p];
        if process.known.contains(process.credentials) {
            self.w.history.violation = Some(Violation::SentAgain);
        }
        process.begun += 1;
        process.fetches -= 1;
        process.attempt = Some(Own {
            permit,
            began,
            stage: Stage::Granted,
            is_unstored,
            had_probe,
            rejection: None,
            is_in_time: true,
        });
    }

    /// An attempt may have been counted from now on, for all observers except its owner.
    fn begun(&mut self, permit: &Permit, is_uncounted: bool) {
        self.w.history.begun.push(Begun {
            id: permit.id(),
            owner: u8::try_from(self.p).unwrap(),
            credentials: self.process().credentials,
            was_there: 0,
            seen: [None; MOST],
            is_answered: false,
            is_stored: false,
            side: (self.w.registers.len() > 1).then(|| self.w.side(self.p)),
            is_uncounted,
            is_awaited: false,
            is_counted: false,
        });
    }
}
