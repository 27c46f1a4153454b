//! What must never happen.
//!
//! 1. No password leaves without leave of the store, after its lease, or when its sender, or the
//!    store before it gave leave, knows that it was refused. Only a process that the store has just
//!    failed, and that has had a token, sends one without.
//! 2. No two token requests are in flight, but where one of them was sent without the store, or its
//!    sender has been stopped, or was told another password, since it sent the first.
//! 3. No password is refused twice by an answer that somebody reads, unless a process that used it
//!    was killed or stopped, could not tell the store how it went, or sent it without the store.
//! 4. The issuer never counts three failed attempts in a row, unless one of them was sent without the
//!    store, arrived after its sender had given it up, or was not answered where that password had
//!    succeeded before: those are, by the design, no strikes.
//! 5. No token is attached at or past its end. That of a sticky issuer may be, by a second and a
//!    quarter at most, where another had it minted.

mod answers;

use std::collections::{BTreeMap, BTreeSet};

use enkash_auth_core::strikes::{Attempt, Settlement};
use enkash_auth_tower::{Begin, Leave, StoredToken};

use self::answers::is_own;
use crate::{
    clock::Millis,
    shelf::{Answer, Order, What},
    world::Who,
};

/// By so much a cache may be wrong about a token that a sticky issuer repeats: how long such tokens
/// live it has seen, and takes one that came with almost as much left to be minted for it.
const ROUNDING: Millis = 1_250;

/// How long a process waits for the store.
const PATIENCE: Millis = 500;

/// How long after a failure of the store a process may still go on without it.
const SHORTLY: Millis = 1_000;

#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) violation: Option<String>,
    pub(crate) tally: Tally,
    sent: Vec<Sent>,
    processes: BTreeMap<usize, Process>,
    /// By the number of an attempt: when it began, and the end of its lease.
    leases: BTreeMap<u64, (Millis, Millis)>,
    /// When the store was told that a password was refused.
    told: BTreeMap<u32, Millis>,
    passwords: BTreeMap<u64, u32>,
    refusals: BTreeMap<u32, u32>,
    excused: BTreeSet<u32>,
}

/// What happened in a run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: u64,
    pub(crate) calls: u64,
    pub(crate) served: u64,
    pub(crate) without_store: u64,
    pub(crate) locked: u64,
    pub(crate) late: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.requests += other.requests;
        self.calls += other.calls;
        self.served += other.served;
        self.without_store += other.without_store;
        self.locked += other.locked;
        self.late += other.late;
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Granted,
    Refused,
    Odd,
}

struct Sent {
    number: u64,
    at: Millis,
    /// When nobody waited for the answer any more.
    end: Millis,
    process: usize,
    password: u32,
    leave: Option<Permit>,
    verdict: Option<Verdict>,
    is_open: bool,
    is_read: bool,
    /// It arrived when nobody waited for it any more.
    is_late: bool,
    stopped_at: Option<Millis>,
    is_orphan: bool,
}

#[derive(Clone, Copy)]
struct Permit {
    attempt: u64,
    is_proven: bool,
    begun: Millis,
    end: Millis,
}

#[derive(Default)]
struct Process {
    leave: Option<Permit>,
    has_token: bool,
    failed_at: Option<Millis>,
    /// When it asked for leave and has had no answer.
    asked_at: Vec<Millis>,
    password: Option<u32>,
    refused: BTreeSet<u32>,
}

impl Checks {
    fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    fn process(&mut self, who: &Who) -> &mut Process {
        self.processes.entry(who.process).or_default()
    }

    /// A process has got a token from the store.
    pub(crate) fn learned(&mut self, who: &Who, token: &Option<StoredToken>) {
        self.process(who).has_token |= token.is_some();
    }

    /// A process asks for leave.
    pub(crate) fn asked(&mut self, who: &Who, at: Millis) {
        self.process(who).asked_at.push(at);
    }

    /// A process has an answer to what it asked at that time.
    pub(crate) fn told(&mut self, who: &Who, asked_at: Millis) {
        self.process(who)
            .asked_at
            .retain(|asked| *asked != asked_at);
    }

    /// A process has got leave.
    pub(crate) fn received(&mut self, who: &Who, attempt: Attempt) {
        let (begun, end) = self.leases[&attempt.number()];
        self.process(who).leave = Some(Permit {
            attempt: attempt.number(),
            is_proven: attempt.is_proven(),
            begun,
            end,
        });
    }

    /// A process knows how an attempt went.
    pub(crate) fn settled(&mut self, who: &Who, leave: &Leave) {
        let attempt = leave.attempt();
        if !is_own(leave.edition()) {
            return;
        }
        let leave = &mut self.process(who).leave;
        leave.take_if(|leave| leave.attempt == attempt.number());
    }

    /// The store has not answered a process.
    pub(crate) fn store_failed(&mut self, who: &Who, is_finish: bool, at: Millis) {
        let process = self.process(who);
        process.failed_at = Some(at);
        if is_finish && let Some(password) = process.password {
            self.excused.insert(password);
        }
    }

    /// The store has done as it was told.
    pub(crate) fn executed(&mut self, order: &Order, answer: &Answer, at: Millis) {
        match (&order.what, answer) {
            (What::Begin(bid, _), Answer::Begin(Begin::Granted(leave))) => {
                let end = at + bid.lease().as_millis() as Millis;
                self.leases.insert(leave.attempt().number(), (at, end));
            }
            (What::Finish(attempt, edition, Settlement::Rejected(_), _), _) if is_own(*edition) => {
                if let Some(password) = self.passwords.get(&attempt.number()) {
                    self.told.entry(*password).or_insert(at);
                }
            }
            (What::Reset, _) => {
                self.check_refusals();
                self.told.clear();
                self.refusals.clear();
                let processes = self.processes.values_mut();
                processes.for_each(|process| process.refused.clear());
            }
            _ => {}
        }
    }

    /// A token request leaves. Its number.
    pub(crate) fn send(&mut self, who: &Who, password: u32, at: Millis) -> u64 {
        let process = self.process(who);
        process.password = Some(password);
        let leave = process.leave.take();
        let has_failed = process
            .failed_at
            .is_some_and(|failed| at - failed <= SHORTLY)
            || process.asked_at.iter().any(|asked| at - asked >= PATIENCE);
        let may_go_on = process.has_token && has_failed;
        let knows_better = process.refused.contains(&password);
        match leave {
            None if !may_go_on => {
                self.violated(format!("r{} sent a password without leave", who.replica));
            }
            None => {
                self.tally.without_store += 1;
                self.excused.insert(password);
            }
            Some(Permit { end, .. }) if at >= end => {
                self.violated(format!("r{} sent a password after its lease", who.replica));
            }
            Some(Permit { begun, attempt, .. }) => {
                self.passwords.insert(attempt, password);
                if self.told.get(&password).is_some_and(|told| *told < begun) {
                    self.violated(format!(
                        "r{} sent a password that the store knew to be refused",
                        who.replica
                    ));
                }
            }
        }
        if knows_better {
            self.violated(format!(
                "r{} sent a password that it knew to be refused",
                who.replica
            ));
        }
        self.tally.requests += 1;
        let number = self.sent.len() as u64;
        self.sent.push(Sent {
            number,
            at,
            end: Millis::MAX,
            process: who.process,
            password,
            leave,
            verdict: None,
            is_open: true,
            is_read: false,
            is_late: false,
            stopped_at: None,
            is_orphan: false,
        });
        number
    }

    /// Looks at all of them once the run is over: replicas run ahead of each other by a little.
    fn check_alone(&mut self) {
        let overlap = |first: &Sent, second: &Sent| {
            let at = second.at;
            if first.end <= at || first.stopped_at.is_some_and(|stopped| stopped <= at) {
                return false;
            }
            if first.process == second.process {
                return true;
            }
            second.leave.is_some() && first.leave.is_some_and(|leave| at < leave.end)
        };
        let found = self.sent.iter().find_map(|first| {
            let others = self
                .sent
                .iter()
                .filter(|second| second.at >= first.at && second.number != first.number);
            others
                .into_iter()
                .find(|second| overlap(first, second))
                .map(|second| (first.number, second.number))
        });
        if let Some((first, second)) = found {
            self.violated(format!(
                "request {second} was sent while request {first} was in flight"
            ));
        }
    }

    fn check_refusals(&mut self) {
        let found = self
            .refusals
            .iter()
            .find(|(password, times)| **times > 1 && !self.excused.contains(password));
        if let Some((password, times)) = found.map(|(password, times)| (*password, *times)) {
            self.violated(format!("password {password} was refused {times} times"));
        }
    }

    /// The run is over.
    pub(crate) fn conclude(&mut self) {
        self.check_alone();
        self.check_refusals();
    }
}
