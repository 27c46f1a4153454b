//! A state of the model: processes, registers, in-flight requests, the server, and the history of the
//! environment.

use std::time::Duration;

use enkash_auth_core::{
    Credentials, Timestamp, User,
    account::{AttemptId, AttemptOutcome, Facts, Permit, Witness},
};

use crate::{
    history::{History, Known},
    operator::Operator,
    server::{Request, Server},
};

/// Past the fetch limit, and within the lease.
pub(crate) const SHORT: u64 = 9 * SECOND;
/// Longer than any backoff.
pub(crate) const LONG: u64 = 16 * 60 * SECOND;
pub(crate) const LEASE: u64 = 14 * SECOND;
pub(crate) const FETCH_LIMIT: u64 = 8 * SECOND;
pub(crate) const SECOND: u64 = 1_000_000_000;

const UNIX: u64 = 1_700_000_000 * SECOND;
const MONOTONIC: u64 = 90_000 * SECOND;

/// How many processes there are at most.
pub(crate) const MOST: usize = 3;

/// Everything at one point in time.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct World {
    /// Since the beginning, in nanoseconds: the monotonic clock of each process.
    pub(crate) now: u64,
    /// By how much the store's clock is wrong, in seconds.
    pub(crate) skew: i64,
    pub(crate) store_up: bool,
    /// Whether responses arrive at all, those to probes included.
    pub(crate) wire_up: bool,
    /// One, or two while the store is split.
    pub(crate) registers: Vec<Register>,
    pub(crate) snapshot: Option<Register>,
    pub(crate) processes: Vec<Process>,
    /// A reset that waits for a lease.
    pub(crate) operator: Option<Operator>,
    pub(crate) requests: Vec<Request>,
    pub(crate) server: Server,
    pub(crate) budget: Budget,
    pub(crate) history: History,
}

/// The store of one account.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Register {
    pub(crate) content: Content,
    /// Zero is that of absence.
    pub(crate) version: u8,
    /// The credentials that are rejected, according to the history.
    pub(crate) known: Known,
}

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Content {
    Absent,
    Record(Facts),
    Damaged,
    /// These facts, in a newer format.
    Newer(Facts),
}

#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Process {
    pub(crate) credentials: u8,
    /// How often it was started, and its attempts since: together the ids of its attempts.
    pub(crate) life: u8,
    pub(crate) begun: u8,
    pub(crate) witness: Witness,
    pub(crate) op: Option<Op>,
    pub(crate) attempt: Option<Own>,
    /// How many more tokens it requests.
    pub(crate) fetches: u8,
    /// The credentials whose rejection it has seen or read.
    pub(crate) known: Known,
}

/// A read of the register, to be followed by a write.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Op {
    pub(crate) kind: OpKind,
    pub(crate) version: u8,
    /// The record to write, or only to observe if it is unchanged.
    pub(crate) facts: Facts,
    pub(crate) is_different: bool,
    pub(crate) permit: Option<Permit>,
    pub(crate) began: u64,
    pub(crate) is_current: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum OpKind {
    Acquire,
    Look,
    Report,
}

/// An attempt as its owner has it.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Own {
    pub(crate) permit: Permit,
    pub(crate) began: u64,
    pub(crate) stage: Stage,
    /// Whether it was begun without the store.
    pub(crate) is_unstored: bool,
    /// Whether a probe had, or would have had, a response when it was acquired.
    pub(crate) had_probe: bool,
    /// The response was a rejection; `true` if only by its shape.
    pub(crate) rejection: Option<bool>,
    pub(crate) is_in_time: bool,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Stage {
    Granted,
    /// The clock was checked for the last time; the first byte is next.
    Checked,
    Sent,
    Ended(AttemptOutcome),
}

/// How often the environment may still do each thing.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Budget {
    pub(crate) short: u8,
    pub(crate) long: u8,
    pub(crate) crashes: u8,
    /// Responses lost one by one, and owners that time out.
    pub(crate) lost: u8,
    /// How often all responses begin to be lost.
    pub(crate) silences: u8,
    /// Responses with an unrecognised 4xx instead of a rejection.
    pub(crate) blurred: u8,
    /// Attempts that are counted, with a 502 as their response.
    pub(crate) gateways: u8,
    pub(crate) passwords: u8,
    pub(crate) resets: u8,
    pub(crate) allowing_resets: u8,
    /// Records lost.
    pub(crate) losses: u8,
    pub(crate) rollbacks: u8,
    pub(crate) damages: u8,
    pub(crate) newer: u8,
    pub(crate) outages: u8,
    /// Writes that fail after they were done, or before.
    pub(crate) write_errors: u8,
    pub(crate) clock_steps: u8,
    pub(crate) splits: u8,
}

impl World {
    pub(crate) fn moment(&self) -> Timestamp {
        self.moment_at(self.now)
    }

    pub(crate) fn moment_at(&self, now: u64) -> Timestamp {
        let unix = (UNIX + now).saturating_add_signed(self.skew * SECOND.cast_signed());
        Timestamp::new(MONOTONIC + now, unix)
    }

    /// The register that process `p` reaches.
    pub(crate) fn side(&self, p: usize) -> usize {
        usize::from(self.registers.len() > 1 && p > 0)
    }

    /// The store is one again, as it is on one `side`.
    pub(crate) fn heal(&mut self, side: usize) {
        self.registers = vec![self.registers[side].clone()];
        self.history.replace_record();
    }

    /// A version that no register has had.
    pub(crate) fn fresh_version(&self) -> u8 {
        self.versions().max().map_or(1, |newest| newest + 1)
    }

    /// Process `p` is killed, and started again.
    pub(crate) fn crash(&mut self, p: usize) {
        self.budget.crashes -= 1;
        self.history.crash(p);
        let old = std::mem::take(&mut self.processes[p]);
        let own = old.attempt.iter().filter(|own| !own.is_unstored);
        self.history.orphans.extend(own.map(|own| own.permit.id()));
        if let Some(own) = &old.attempt
            && matches!(own.stage, Stage::Sent | Stage::Ended(_))
        {
            self.history.lose_response(old.credentials, own.had_probe);
        }
        self.processes[p] = Process {
            credentials: old.credentials,
            life: old.life + 1,
            fetches: old.fetches,
            ..Process::default()
        };
    }

    /// Time passes.
    pub(crate) fn tick(&mut self, by: u64) {
        for process in &self.processes {
            let Some(own) = &process.attempt else {
                continue;
            };
            // A response that is not reported before the lease passes is lost to all others.
            let end = own.began + LEASE;
            if matches!(own.stage, Stage::Sent | Stage::Ended(_))
                && self.now < end
                && end <= self.now + by
            {
                self.history
                    .lose_response(process.credentials, own.had_probe);
            }
        }
        self.now += by;
        match by {
            SHORT => self.budget.short -= 1,
            _ => {
                self.budget.long -= 1;
                self.history.pauses += 1;
                // The server has long abandoned requests that it has not processed.
                self.requests.clear();
            }
        }
    }

    /// Whether an attempt is in flight, also if its owner is dead.
    pub(crate) fn is_open(&self) -> bool {
        let is_on_its_way = |request: &Request| self.now < request.began + LEASE;
        let mut processes = self.processes.iter();
        let is_open = processes.any(|process| process.attempt.is_some());
        is_open || !self.history.orphans.is_empty() || self.requests.iter().any(is_on_its_way)
    }

    /// Whether the owner of a request waits for its response.
    pub(crate) fn waits(&self, id: AttemptId) -> bool {
        self.processes.iter().any(|process| {
            let own = process.attempt.as_ref();
            own.is_some_and(|own| own.permit.id() == id && own.stage == Stage::Sent)
        })
    }

    fn versions(&self) -> impl Iterator<Item = u8> {
        let ops = self
            .processes
            .iter()
            .filter_map(|process| process.op.as_ref());
        let registers = self.registers.iter().chain(&self.snapshot);
        registers
            .map(|register| register.version)
            .chain(ops.map(|op| op.version))
    }

    /// Renumbers the versions: only equality matters.
    pub(crate) fn renumber(&mut self) {
        let mut used: Vec<_> = self.versions().filter(|version| *version != 0).collect();
        used.sort_unstable();
        used.dedup();
        let new = |old: &mut u8| {
            if let Ok(at) = used.binary_search(old) {
                *old = u8::try_from(at + 1).unwrap();
            }
        };
        let registers = self.registers.iter_mut().chain(&mut self.snapshot);
        registers.for_each(|register| new(&mut register.version));
        let ops = self
            .processes
            .iter_mut()
            .filter_map(|process| process.op.as_mut());
        ops.for_each(|op| new(&mut op.version));
    }
}

impl Process {
    pub(crate) fn next_id(&self, p: usize) -> AttemptId {
        let mut id = [0; 16];
        id[..3].copy_from_slice(&[u8::try_from(p).unwrap(), self.life, self.begun]);
        AttemptId::new(id)
    }
}

/// The credentials number `n`: one account, another password.
pub(crate) fn credentials(n: u8) -> Credentials {
    Credentials::password(
        enkash_auth_core::Client::new("c", "s"),
        User::new("u", ["a", "b", "c"][usize::from(n)]),
    )
}

pub(crate) const fn lease() -> Duration {
    Duration::from_nanos(LEASE)
}
