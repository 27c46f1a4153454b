//! The permit protocol over core's functions, step by step, as a process runs it.

use enkash_auth_core::{
    FailureKind, Timestamp,
    account::{AccountRecord, Acquire, AttemptContext, AttemptOutcome, Facts, Permit, Witness},
};

use crate::{
    history::{Begun, Violation},
    model::Attempts,
    rules::{Rule, edited},
    world::{
        Content, FETCH_LIMIT, LONG, Op, OpKind, Operator, Own, Request, Stage, World, credentials,
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

impl Attempts {
    fn is_on(&self, rule: Rule) -> bool {
        self.off != Some(rule)
    }

    /// Loads the record for `p`, and merges its witness. `None` if it is unavailable.
    fn load(&self, w: &World, p: usize) -> Option<(Facts, Facts)> {
        if !w.store_up {
            return None;
        }
        let register = &w.registers[w.side(p)];
        let (loaded, mut facts) = match &register.content {
            Content::Absent => (Facts::default(), Facts::default()),
            Content::Record(facts) => (facts.clone(), facts.clone()),
            Content::Damaged if !self.is_on(Rule::DamagedCounts) => Default::default(),
            Content::Damaged => {
                let record = AccountRecord::in_place_of(b"damaged", w.moment());
                (Facts::default(), record.facts().clone())
            }
            Content::Newer if self.is_on(Rule::NewerIsUnavailable) => return None,
            Content::Newer => Default::default(),
        };
        if self.is_on(Rule::MergeWitness) {
            let mut witnessed = w.processes[p].witness.facts().clone();
            if !self.is_on(Rule::RememberCleared) {
                let forget = |facts: &Facts| edited(facts, |facts| drop(facts.remove("cleared")));
                (witnessed, facts) = (forget(&witnessed), forget(&facts));
            }
            facts.merge(&witnessed);
        }
        Some((loaded, facts))
    }

    /// Reads the register for an operation of `p`, and prepares the write.
    pub(crate) fn read(&self, w: &mut World, p: usize, kind: OpKind) {
        let now = w.moment();
        let Some((loaded, mut facts)) = self.load(w, p) else {
            return self.without_store(w, p, kind);
        };
        let version = w.registers[w.side(p)].version;
        let mut witness = w.processes[p].witness.clone();
        witness.see(&facts, now);
        w.history.read(p, w.now);
        let (mut permit, mut is_current) = (None, false);
        match kind {
            OpKind::Acquire => permit = self.acquire(w, p, &mut facts, &witness, now),
            OpKind::Report => {
                if let Some((own, outcome)) = ended(w, p) {
                    is_current = self.record(&mut facts, &own.permit, outcome, now);
                }
            }
            OpKind::Look => {}
        }
        w.processes[p].witness = witness;
        w.processes[p].op = Some(Op {
            kind,
            version,
            is_different: facts != loaded && (kind != OpKind::Look || self.is_on(Rule::WriteBack)),
            facts,
            permit,
            began: w.now,
            is_current,
        });
    }

    fn acquire(
        &self,
        w: &World,
        p: usize,
        facts: &mut Facts,
        witness: &Witness,
        now: Timestamp,
    ) -> Option<Permit> {
        let process = &w.processes[p];
        let credentials = credentials(process.credentials);
        let mut ctx = AttemptContext {
            id: process.next_id(p),
            salt: [7; 16],
            credentials: &credentials,
            lease: lease(),
            retry_unresolved_after: None,
            probe: None,
        };
        let mut witness = witness.clone();
        let mut now = now;
        match self.off {
            Some(Rule::NoAgeing) => ctx.retry_unresolved_after = Some(std::time::Duration::ZERO),
            Some(Rule::OpenBlocks) => {
                let open = facts.attempts().iter().filter(|attempt| attempt.is_open());
                open.for_each(|attempt| witness.note_death(attempt));
                facts.merge(witness.facts());
            }
            // As if each attempt had been seen long ago.
            Some(Rule::TwoClocks) => {
                now = Timestamp::new(now.monotonic_nanos() + LONG, now.unix_nanos());
            }
            Some(Rule::LastSuccess) => {
                let print = serde_json::to_value(credentials.fingerprint([7; 16])).unwrap();
                *facts = edited(facts, |facts| {
                    if let Some(success) =
                        facts.get_mut("success").and_then(|of| of.as_object_mut())
                    {
                        success.insert("fingerprint".into(), print);
                    }
                });
            }
            _ => {}
        }
        let before = facts.clone();
        let mut acquired = facts.acquire(&ctx, &witness, now);
        if matches!(acquired, Acquire::Probe) {
            ctx.probe = Some(w.wire_up || !self.is_on(Rule::Probe));
            acquired = facts.acquire(&ctx, &witness, now);
        }
        if let Acquire::Denied(error) = &acquired {
            let retry = match (self.off, error.kind()) {
                (Some(Rule::Budget), FailureKind::AccountClosed) => Some(("attempts", now)),
                (Some(Rule::Fingerprints), FailureKind::Rejected) => Some(("rejected", now)),
                (Some(Rule::Pause), FailureKind::Unavailable) => {
                    let later = Timestamp::new(now.monotonic_nanos() + LONG, now.unix_nanos());
                    Some(("", later))
                }
                _ => None,
            };
            if let Some((field, now)) = retry {
                *facts = edited(&before, |facts| drop(facts.remove(field)));
                if self.off == Some(Rule::Fingerprints) {
                    // The attempts hold them, too.
                    *facts = edited(facts, |facts| drop(facts.remove("attempts")));
                }
                ctx.probe = Some(true);
                acquired = facts.acquire(&ctx, &witness, now);
                let mut all = before;
                all.merge(facts);
                *facts = all;
            }
        }
        match acquired {
            Acquire::Granted(permit) => Some(permit),
            _ => None,
        }
    }

    /// Records an outcome. Returns whether the attempt was still the open one.
    fn record(
        &self,
        facts: &mut Facts,
        permit: &Permit,
        outcome: AttemptOutcome,
        now: Timestamp,
    ) -> bool {
        let far = now + std::time::Duration::from_nanos(100 * LONG);
        let is_open = facts
            .attempts()
            .iter()
            .any(|attempt| attempt.id() == permit.id() && attempt.is_open());
        let clear = |facts: &mut Facts, allow| {
            let ids = facts.resettable();
            facts.reset(&ids, allow, &Witness::default(), far);
        };
        match (self.off, outcome) {
            (Some(Rule::LateRejection), AttemptOutcome::Rejected { .. }) if !is_open => {
                return false;
            }
            (Some(Rule::DropLateSuccess), AttemptOutcome::Granted) if !is_open => {
                clear(facts, false);
                return true;
            }
            _ => {}
        }
        let is_current = facts.record_outcome(permit, outcome, now);
        if outcome == AttemptOutcome::Granted && is_current {
            match self.off {
                Some(Rule::FingerprintsOutliveSuccess) => {
                    *facts = edited(facts, |facts| drop(facts.remove("rejected")));
                }
                Some(Rule::AttemptsOutliveSuccess) => clear(facts, false),
                _ => {}
            }
        }
        is_current
    }

    /// Writes the prepared record of `p`, if nothing was written since.
    pub(crate) fn write(&self, w: &mut World, p: usize, how: Write) {
        let Some(op) = w.processes[p].op.take() else {
            return;
        };
        let (side, now) = (w.side(p), w.moment());
        let can_write = w.store_up && how != Write::FailsBefore;
        let is_same = w.registers[side].version == op.version;
        let has_written = op.is_different && can_write && is_same;
        if has_written {
            if w.registers[side].content == Content::Newer {
                w.history.violation = Some(Violation::NewerOverwritten);
            }
            w.registers[side].version = w.fresh_version();
            w.registers[side].content = Content::Record(op.facts.clone());
        }
        let has_failed = !w.store_up || how != Write::Fine;
        if op.is_different && has_failed {
            return self.failed(w, p, op, has_written, now);
        }
        if op.is_different && !is_same {
            // A conflict: retried from the load. Nothing is sent under this permit.
            if let (Some(permit), false) = (op.permit, self.is_on(Rule::WriteFirst)) {
                begin(w, p, permit, op.began, false);
            }
            return;
        }
        self.done(w, p, op, side);
    }

    /// A write failed, perhaps after it was done.
    fn failed(&self, w: &mut World, p: usize, op: Op, has_written: bool, now: Timestamp) {
        if let Some(permit) = op.permit {
            let process = &mut w.processes[p];
            process.begun += 1;
            process.witness.begin(permit.id());
            if self.is_on(Rule::EndUnwritten) {
                process
                    .witness
                    .record_outcome(&permit, AttemptOutcome::Uncounted, now);
            }
            if has_written {
                w.history.begin(p);
                w.history.change(p);
                begun(w, p, &permit, true);
            }
        }
        if op.kind == OpKind::Report {
            self.report_to_witness(w, p, now);
        }
    }

    /// A write was done, or was not needed.
    fn done(&self, w: &mut World, p: usize, op: Op, side: usize) {
        w.history.look(p);
        if op.kind == OpKind::Acquire {
            w.history.end_orphans(p, op.began);
        }
        w.processes[p].witness.observe(&op.facts);
        let owner = u8::try_from(p).unwrap();
        let current = w.processes[p].attempt.as_ref().map(|own| own.permit.id());
        let current = current.filter(|_| op.kind != OpKind::Report);
        w.history.begun.retain(|begun| {
            !begun.is_uncounted || begun.owner != owner || Some(begun.id) == current
        });
        let own = w
            .history
            .begun
            .iter_mut()
            .filter(|begun| begun.owner == owner);
        own.for_each(|begun| begun.is_stored = true);
        let mut known = w.registers[side].known;
        known.merge(w.processes[p].known);
        w.registers[side].known = known;
        w.processes[p].known = known;
        if let Some(permit) = op.permit {
            if known.contains(w.processes[p].credentials) {
                w.history.violation = Some(Violation::SentAgain);
            }
            w.history.begin(p);
            w.history.change(p);
            w.processes[p].witness.begin(permit.id());
            w.processes[p].witness.observe(&op.facts);
            begin(w, p, permit, op.began, false);
        }
        if op.kind == OpKind::Report
            && let Some(own) = w.processes[p].attempt.take()
        {
            w.processes[p].witness.withdraw(own.permit.id());
            let lost = Stage::Ended(AttemptOutcome::Unresolved { complete: false });
            w.history.report(own.permit.id(), own.stage != lost);
            let credentials = w.processes[p].credentials;
            if let Some(guessed) = own.rejection {
                w.registers[side].known.add(credentials, guessed);
                w.processes[p].known.add(credentials, guessed);
                // Whatever happened in between, it counts from now on.
                let is_there = w
                    .history
                    .begun
                    .iter()
                    .any(|begun| begun.id == own.permit.id());
                if !is_there {
                    begun(w, p, &own.permit, false);
                }
            }
            if own.stage == Stage::Ended(AttemptOutcome::Granted) && op.is_current {
                w.history.last_success = Some(w.processes[p].credentials);
                w.history.clear_begun(Some(p), own.began);
            } else if own.stage != Stage::Ended(AttemptOutcome::Uncounted) {
                w.history.change(p);
            }
        }
    }

    fn report_to_witness(&self, w: &mut World, p: usize, now: Timestamp) {
        if let Some((own, outcome)) = ended(w, p) {
            w.processes[p]
                .witness
                .record_outcome(&own.permit, outcome, now);
            w.processes[p].attempt = None;
            w.history.report(
                own.permit.id(),
                outcome != AttemptOutcome::Unresolved { complete: false },
            );
            if let Some(guessed) = own.rejection {
                let credentials = w.processes[p].credentials;
                w.processes[p].known.add(credentials, guessed);
            }
        }
    }

    /// The behaviour of a process when the store is down.
    fn without_store(&self, w: &mut World, p: usize, kind: OpKind) {
        let now = w.moment();
        match kind {
            OpKind::Look => return,
            OpKind::Report => return self.report_to_witness(w, p, now),
            OpKind::Acquire => {}
        }
        let is_newer = w.store_up;
        let process = &w.processes[p];
        let own = credentials(process.credentials);
        let mut facts = process.witness.facts().clone();
        let may = !is_newer
            && match self.policy {
                OnStoreDown::Hold => false,
                OnStoreDown::Attempt => true,
                OnStoreDown::KnownGood => {
                    (facts.is_known_good(&own) || !self.is_on(Rule::UnstoredKnownGood))
                        && (!process.witness.has_unstored() || !self.is_on(Rule::UnstoredOnce))
                }
            };
        if !may {
            return;
        }
        if !self.is_on(Rule::UnstoredBudget) {
            facts = edited(&facts, |facts| drop(facts.remove("attempts")));
        }
        let mut witness = process.witness.clone();
        witness.see(&facts, now);
        let permit = self.acquire(w, p, &mut facts, &witness, now);
        w.processes[p].witness = witness;
        if let Some(permit) = permit {
            if w.processes[p].known.contains(w.processes[p].credentials) {
                w.history.violation = Some(Violation::SentAgain);
            }
            w.processes[p].witness.begin_unstored(permit.id(), &facts);
            let has_to_look = std::mem::take(&mut w.history.has_to_look);
            w.history.begin(p);
            w.history.has_to_look = has_to_look;
            begin(w, p, permit, w.now, true);
        }
    }

    /// The last check of the clock before the first byte.
    pub(crate) fn check(&self, w: &mut World, p: usize) {
        let now = w.now;
        if let Some(own) = &mut w.processes[p].attempt {
            own.is_in_time = now < own.began + FETCH_LIMIT;
            own.stage = match !own.is_in_time && self.is_on(Rule::FetchLimit) {
                true => Stage::Ended(AttemptOutcome::Uncounted),
                false => Stage::Checked,
            };
        }
    }

    /// The first byte leaves.
    pub(crate) fn send(&self, w: &mut World, p: usize) {
        let process = &mut w.processes[p];
        let Some(own) = &mut process.attempt else {
            return;
        };
        own.stage = Stage::Sent;
        let (permit, began, is_unstored) = (own.permit.clone(), own.began, own.is_unstored);
        let is_in_time = own.is_in_time;
        let request = Request {
            id: permit.id(),
            owner: u8::try_from(p).unwrap(),
            life: process.life,
            credentials: process.credentials,
            began,
            is_unstored,
            is_in_time,
        };
        if self.has_rival(w, &request) {
            w.history.violation = Some(Violation::TwoInFlight);
        }
        w.requests.push(request);
        w.requests.sort_by_key(|request| request.id);
        let sent = w
            .history
            .begun
            .iter_mut()
            .filter(|begun| begun.id == permit.id());
        sent.for_each(|begun| begun.is_uncounted = false);
    }

    /// Whether another owner waits for the response to a request of its own, and nothing excuses that.
    fn has_rival(&self, w: &World, request: &Request) -> bool {
        let is_excused = request.is_unstored
            || request.is_in_time && w.now >= request.began + FETCH_LIMIT
            || w.history.is_record_lost
            || w.history.splits > 0;
        let is_rival = |other: &Request| {
            let owner = &w.processes[usize::from(other.owner)];
            let waits = owner.life == other.life
                && owner
                    .attempt
                    .as_ref()
                    .is_some_and(|own| own.permit.id() == other.id && own.stage == Stage::Sent);
            waits && !other.is_unstored && w.now < other.began + crate::world::LEASE
        };
        !is_excused && w.requests.iter().any(is_rival)
    }

    /// A reset by an operator, which assumes a count of zero at the server. Waits for leases to pass.
    pub(crate) fn reset(&self, w: &mut World, allow_rejected: bool) {
        let now = w.moment();
        let mut operator = w.operator.take().unwrap_or(Operator {
            allow_rejected,
            witness: Witness::default(),
        });
        let allow = operator.allow_rejected;
        let mut facts = match &w.registers[0].content {
            Content::Record(facts) => facts.clone(),
            Content::Absent => Facts::default(),
            Content::Damaged => AccountRecord::in_place_of(b"damaged", now).facts().clone(),
            Content::Newer => return,
        };
        facts.merge(operator.witness.facts());
        operator.witness.see(&facts, now);
        let at = match self.off {
            Some(Rule::ResetWaits) => now + std::time::Duration::from_nanos(100 * LONG),
            _ => now,
        };
        let ids = facts.resettable();
        let is_done = facts.reset(
            &ids,
            allow || !self.is_on(Rule::FingerprintsOutliveReset),
            &operator.witness,
            at,
        );
        operator.witness.observe(&facts);
        w.registers[0].version = w.fresh_version();
        w.registers[0].content = Content::Record(facts);
        w.registers[0].known.reset(allow);
        w.processes
            .iter_mut()
            .for_each(|process| process.known.reset(allow));
        w.server.failures = 0;
        w.history.clear_counts();
        w.history.clear_begun(None, w.now);
        w.history.is_current = 0;
        w.operator = (!is_done).then_some(operator);
    }
}

fn ended(w: &World, p: usize) -> Option<(Own, AttemptOutcome)> {
    let own = w.processes[p].attempt.as_ref()?;
    match own.stage {
        Stage::Ended(outcome) => Some((own.clone(), outcome)),
        _ => None,
    }
}

/// `p` has a permit.
fn begin(w: &mut World, p: usize, permit: Permit, began: u64, is_unstored: bool) {
    let wire_was_up = w.wire_up;
    begun(w, p, &permit, true);
    if let Some(begun) = w.history.begun.last_mut() {
        begun.is_stored = !is_unstored;
    }
    let process = &mut w.processes[p];
    process.begun += 1;
    process.fetches -= 1;
    process.attempt = Some(Own {
        permit,
        began,
        stage: Stage::Granted,
        is_unstored,
        wire_was_up,
        rejection: None,
        is_in_time: true,
    });
}

/// An attempt may have been counted from now on, for all observers except its owner.
fn begun(w: &mut World, p: usize, permit: &Permit, is_uncounted: bool) {
    w.history.begun.push(Begun {
        id: permit.id(),
        owner: u8::try_from(p).unwrap(),
        credentials: w.processes[p].credentials,
        was_there: 0,
        seen: [None; crate::world::MOST],
        is_answered: false,
        is_stored: false,
        is_uncounted,
    });
}
