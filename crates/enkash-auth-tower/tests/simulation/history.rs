//! The history of a run, and what must never happen:
//!
//! 1. The server counts no third failure in a row, except as `exceptions` allows.
//! 2. Each token request has a write of its own in the store, unless a call of the store has just failed.
//! 3. Credentials are not sent by a process that could have seen their rejection.
//! 4. No two token requests are in flight while the store is well.
//! 5. No token is attached at or past its expiry (`path`).
//! 6. A record of a newer format is not overwritten (`store`).
//!
//! What a process could have seen is tracked, not decided: each attempt has a number, and a set of numbers
//! travels with the record.

use std::{collections::BTreeSet, ops::AddAssign};

use enkash_auth_tower::OnStoreDown;

use crate::{clock::Millis, exceptions::exception, numbers::Numbers, server::Meaning, store::Seen};

/// How long after a failure of the store a process may continue without it.
const SHORTLY: Millis = 1_000;

/// How long it takes to record an outcome, or to give up.
const RECORDED: Millis = 1_500;

pub(crate) const NEVER: Millis = Millis::MAX;

#[derive(Default)]
pub(crate) struct History {
    pub(crate) violation: Option<String>,
    pub(crate) totals: Totals,
    pub(crate) requests: Vec<TokenRequest>,
    processes: Vec<Process>,
    numbers: usize,
    /// From when to when records differed from what had been written.
    pub(crate) losses: Vec<(Millis, Millis)>,
    was_damaged: bool,
    /// How many processes were killed, each perhaps with a recorded attempt that it had not sent.
    killed: usize,
    resets: Vec<Reset>,
    /// The passwords that were right at some time.
    pub(crate) granted: BTreeSet<u32>,
    pub(crate) on_store_down: OnStoreDown,
}

/// Counts of all runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) requests: u64,
    pub(crate) calls: u64,
    pub(crate) served: u64,
    pub(crate) without_store: u64,
    /// By exception: the last is the assumption.
    pub(crate) locked: [u64; 8],
    pub(crate) closed: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct TokenRequest {
    pub(crate) process: usize,
    pub(crate) password: u32,
    /// The number of its attempt.
    pub(crate) attempt: usize,
    /// Whether a call of the store had just failed, and none has recorded it.
    pub(crate) is_unstored: bool,
    /// The attempts that its process had seen in the store.
    pub(crate) stored: Numbers,
    /// The attempts that the process had seen.
    pub(crate) seen: Seen,
    /// When the record was loaded.
    pub(crate) began: Millis,
    pub(crate) sent: Millis,
    pub(crate) arrived: Option<Millis>,
    pub(crate) meaning: Option<Meaning>,
    pub(crate) is_counted: bool,
    /// When the whole response was read.
    pub(crate) read: Option<Millis>,
    was_not_sent: bool,
    /// When its response was no longer waited for.
    closed: Millis,
    /// When its process was stopped, killed or given another password before its outcome was recorded.
    interrupted: Millis,
}

#[derive(Default)]
struct Process {
    replica: usize,
    is_running: bool,
    /// The ended attempts that it has seen.
    witness: Numbers,
    own: Numbers,
    /// Those of its own that ended, and when.
    closed: Vec<(Millis, usize)>,
    /// What it had seen when it last loaded the record, and when that was.
    loaded: (Seen, Millis),
    /// Its last write that was confirmed, and when, unless a request was sent under it.
    write: Option<(usize, Millis)>,
    /// The attempts that it has seen in the store.
    stored: Numbers,
    store_failed: Option<Millis>,
    /// When it was started, driven again, or had trouble with the store.
    troubled: Millis,
}

struct Reset {
    process: usize,
    allows_rejected: bool,
    /// When it was last tried.
    tried: Millis,
    end: Millis,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.calls += other.calls;
        self.served += other.served;
        self.without_store += other.without_store;
        self.closed += other.closed;
        for (sum, count) in self.locked.iter_mut().zip(other.locked) {
            *sum += count;
        }
    }
}

impl TokenRequest {
    /// Returns whether its process may count it.
    fn may_count(&self) -> bool {
        let is_resolved = match self.meaning {
            // One that was interrupted may not have recorded it.
            Some(Meaning::Granted) => self.interrupted == NEVER,
            Some(Meaning::Uncounted) => true,
            _ => false,
        };
        !(self.was_not_sent || self.read.is_some() && is_resolved)
    }

    /// Returns whether it is a success that clears the attempt of `other`: that was on the record, and got a
    /// response; without one it may still have been in flight.
    fn ends(&self, other: &Self) -> bool {
        self.meaning == Some(Meaning::Granted)
            && self.read.is_some()
            && self.interrupted == NEVER
            && !self.is_unstored
            && self.seen.attempts.contains(other.attempt)
            && other.read.is_some()
            && self.seen.ended.contains(other.attempt)
    }
}

impl History {
    pub(crate) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(crate) fn next_number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    // What happens to a process.

    pub(crate) fn started(&mut self, replica: usize, at: Millis) -> usize {
        self.processes.push(Process {
            replica,
            is_running: true,
            troubled: at,
            ..Process::default()
        });
        self.processes.len() - 1
    }

    /// A process is stopped or killed.
    pub(crate) fn interrupted(&mut self, process: usize, is_killed: bool, at: Millis) {
        let running = &mut self.processes[process];
        running.is_running = false;
        let failed = running.store_failed.unwrap_or_default();
        let requests = self.requests.iter_mut();
        for request in requests.filter(|request| request.process == process) {
            let closed = request.closed;
            let recorded = closed.saturating_add(RECORDED);
            // The store may not have its outcome.
            if at <= recorded || (closed..=recorded).contains(&failed) {
                request.interrupted = request.interrupted.min(at);
            }
        }
        if is_killed {
            self.killed += 1;
            let resets = self.resets.iter_mut();
            let is_on = |reset: &&mut Reset| reset.process == process && reset.end == NEVER;
            resets.filter(is_on).for_each(|reset| reset.end = at);
        }
    }

    pub(crate) fn resumed(&mut self, process: usize, at: Millis) {
        let process = &mut self.processes[process];
        (process.is_running, process.troubled) = (true, at);
    }

    /// A process is given another password, and does not wait for the response to the old one.
    pub(crate) fn password_changed(&mut self, process: usize, at: Millis) {
        let requests = self.requests.iter_mut();
        for request in
            requests.filter(|request| request.process == process && request.closed == NEVER)
        {
            request.interrupted = request.interrupted.min(at);
        }
    }

    /// An operator begins to reset the account. Returns the number of the reset.
    pub(crate) fn reset_began(&mut self, process: usize, allows_rejected: bool) -> usize {
        self.resets.push(Reset {
            process,
            allows_rejected,
            tried: NEVER,
            end: NEVER,
        });
        self.resets.len() - 1
    }

    pub(crate) fn reset_tried(&mut self, number: usize, at: Millis) {
        self.resets[number].tried = at;
    }

    pub(crate) fn reset_ended(&mut self, number: usize, at: Millis) {
        self.resets[number].end = at;
    }

    pub(crate) fn is_resetting(&self, process: usize) -> bool {
        let mut resets = self.resets.iter();
        resets.any(|reset| reset.process == process && reset.end == NEVER)
    }

    // What passes between a process and the store.

    /// The record was loaded: adds what the process had seen before to `seen`.
    pub(crate) fn loaded(&mut self, process: usize, seen: &mut Seen, at: Millis) {
        let process = &mut self.processes[process];
        process.stored.extend(&seen.attempts);
        seen.attempts.extend(&process.witness);
        seen.attempts.extend(&process.own);
        seen.ended.extend(&process.witness);
        process.loaded = (seen.clone(), at);
    }

    /// A process remembers what it has loaded, having nothing to add.
    pub(crate) fn remembered(&mut self, process: usize, ended: &Numbers) {
        self.processes[process].witness.extend(ended);
    }

    /// A write was confirmed.
    pub(crate) fn wrote(&mut self, process: usize, write: usize, seen: &Seen, at: Millis) {
        self.remembered(process, &seen.ended);
        let process = &mut self.processes[process];
        process.write = Some((write, at));
        process.stored.extend(&seen.attempts);
    }

    pub(crate) fn store_failed(&mut self, process: usize, at: Millis) {
        let process = &mut self.processes[process];
        (process.store_failed, process.troubled) = (Some(at), at);
    }

    /// Returns the attempts seen by the processes that have been well since `by`, among those `is_there`.
    pub(crate) fn looked(&self, by: Millis, is_there: impl Fn(usize) -> bool) -> Numbers {
        let mut ended = Numbers::default();
        let well = |process: &&Process| process.is_running && process.troubled <= by;
        for process in self.processes.iter().filter(well) {
            if is_there(process.replica) {
                let mut witness = process.witness.clone();
                let newer = process.closed.iter().filter(|(at, _)| *at > by);
                newer.for_each(|(_, attempt)| witness.remove(*attempt));
                ended.extend(&witness);
            }
        }
        ended
    }

    pub(crate) fn lost(&mut self, since: Millis, until: Millis) {
        self.losses.push((since, until));
    }

    /// Two records are one again.
    pub(crate) fn healed(&mut self, at: Millis) {
        let losses = self.losses.iter_mut();
        losses
            .filter(|(_, until)| *until == NEVER)
            .for_each(|(_, until)| *until = at);
    }

    pub(crate) fn damaged(&mut self) {
        self.was_damaged = true;
    }

    // What passes between a process and the server.

    pub(crate) fn send(&mut self, process: usize, password: u32, at: Millis) -> usize {
        let nth = process;
        let number = self.next_number();
        let process = &mut self.processes[process];
        let failed = process.store_failed.filter(|failed| at - failed <= SHORTLY);
        let has_failed = failed.is_some();
        let (seen, began) = &process.loaded;
        // After a failure it continues at once: a write that was confirmed since is of this attempt.
        let is_newer = |(_, wrote): &(usize, Millis)| failed < Some(*wrote);
        let request = match process.write.take().filter(is_newer) {
            Some((write, _)) => TokenRequest::new(nth, password, write, seen.clone(), *began, at),
            None => {
                let mut seen = Seen {
                    attempts: process.witness.clone(),
                    ended: process.witness.clone(),
                };
                seen.attempts.extend(&process.own);
                let mut request = TokenRequest::new(nth, password, number, seen, at, at);
                (request.is_unstored, request.stored) = (true, process.stored.clone());
                request
            }
        };
        process.own.insert(request.attempt);
        if request.is_unstored {
            self.totals.without_store += 1;
            if !has_failed {
                self.violated(format!(
                    "process {nth} sent a request that it had not recorded"
                ));
            }
        }
        let is_rejected = |before: &&TokenRequest| {
            before.password == password
                && before.meaning == Some(Meaning::Rejected)
                && request.seen.ended.contains(before.attempt)
                // Of another's rejection, a record that was damaged since says only that the attempt ended; one that
                // was lost while the attempt was open may say that it still is, until that process has looked:
                // exception 4.
                && (before.process == nth
                    || before.interrupted == NEVER
                        && !self.was_damaged
                        && !self.was_lost_during(before))
        };
        let mut rejected = self.requests.iter().filter(is_rejected);
        let resets = self.resets.iter().filter(|reset| reset.allows_rejected);
        let reset = resets.max_by_key(|reset| reset.end);
        let (tried, allowed) = reset.map_or((0, 0), |reset| (reset.tried, reset.end));
        // A process that was stopped reads a response from before the reset, which is cleared; or has yet to record it, or
        // has as if there had been no reset, since the record was lost: exception 4.
        let is_lost = self.losses.iter().any(|(since, _)| *since >= allowed);
        let is_old = |before: &TokenRequest, read: Millis| {
            let is_before = before.arrived.is_some_and(|arrived| arrived < allowed);
            let is_cleared = before.process == nth && before.sent < tried;
            is_before && (is_cleared || is_lost || at - read <= SHORTLY)
        };
        if rejected.any(|before| {
            let read = before.read.filter(|read| !is_old(before, *read));
            read.is_some_and(|read| allowed < read)
        }) {
            self.violated(format!(
                "process {nth} sent a password that it could know to be rejected"
            ));
        }
        self.totals.requests += 1;
        self.requests.push(request);
        self.requests.len() - 1
    }

    pub(crate) fn arrived(&mut self, number: usize, at: Millis) {
        self.requests[number].arrived = Some(at);
    }

    /// The server has counted request `number` as one of `failures` in a row.
    pub(crate) fn failed(&mut self, number: usize, failures: &[usize]) {
        self.requests[number].is_counted = true;
        let &[first, second, third] = failures else {
            return;
        };
        match exception(self, [first, second, third]) {
            Some(exception) => self.totals.locked[exception as usize] += 1,
            None => self.violated(format!("the account was locked by requests {failures:?}")),
        }
    }

    fn was_lost_during(&self, request: &TokenRequest) -> bool {
        let mut losses = self.losses.iter();
        losses.any(|(since, _)| (request.began..=request.closed).contains(since))
    }

    pub(crate) fn granted(&mut self, password: u32) {
        self.granted.insert(password);
    }

    pub(crate) fn responded(&mut self, number: usize, meaning: Meaning) {
        self.requests[number].meaning = Some(meaning);
    }

    pub(crate) fn read(&mut self, number: usize, at: Millis) {
        self.requests[number].read = Some(at);
    }

    pub(crate) fn not_sent(&mut self, number: usize) {
        self.requests[number].was_not_sent = true;
    }

    /// The response to a request is not waited for any more.
    pub(crate) fn close(&mut self, number: usize, at: Millis) {
        let request = &mut self.requests[number];
        request.closed = at;
        let process = &mut self.processes[request.process];
        process.witness.insert(request.attempt);
        process.closed.push((at, request.attempt));
    }

    pub(crate) fn describe(&self, number: usize) -> String {
        let request = &self.requests[number];
        let store = if request.is_unstored {
            ", without the store"
        } else {
            ""
        };
        format!(
            "request {number}, attempt {}, password {}{store}",
            request.attempt, request.password
        )
    }

    // What is judged when the run has ended.

    /// Returns whether an account may be closed, or in backoff, for a replica with `password`: two attempts
    /// that no success has cleared may count, the password was rejected (by guess as well: rows 7 and 8), or a
    /// record was lost or damaged.
    pub(crate) fn may_be_closed(&self, password: u32) -> bool {
        let is_rejected = |request: &TokenRequest| {
            let meaning = request.meaning;
            request.password == password
                && matches!(meaning, Some(Meaning::Rejected | Meaning::Unclear))
        };
        let may_count = |request: &&TokenRequest| {
            request.may_count() && !self.requests.iter().any(|other| other.ends(request))
        };
        let count = self.requests.iter().filter(may_count).count();
        self.was_damaged
            || !self.losses.is_empty()
            || self.requests.iter().any(is_rejected)
            || count + self.killed >= 2
    }

    /// Checks all requests once the run has ended: replicas run ahead of each other by a little.
    pub(crate) fn conclude(&mut self) {
        let overlap = |first: &TokenRequest, second: &TokenRequest| {
            let at = second.sent;
            let is_excused = first.is_unstored
                || second.is_unstored
                || self.was_damaged
                || self
                    .losses
                    .iter()
                    .any(|(since, until)| *since <= at && *until >= first.began.min(second.began));
            first.sent <= at && at < first.closed.min(first.interrupted) && !is_excused
        };
        let found = self.requests.iter().enumerate().find_map(|(nth, first)| {
            let mut others = self.requests.iter().enumerate();
            let (other, _) =
                others.find(|(other, second)| *other != nth && overlap(first, second))?;
            Some((nth, other))
        });
        if let Some((first, second)) = found {
            self.violated(format!(
                "request {second} was sent while {first} was in flight"
            ));
        }
    }
}

impl TokenRequest {
    fn new(
        process: usize,
        password: u32,
        attempt: usize,
        seen: Seen,
        began: Millis,
        sent: Millis,
    ) -> Self {
        Self {
            process,
            password,
            attempt,
            is_unstored: false,
            stored: Numbers::default(),
            seen,
            began,
            sent,
            arrived: None,
            meaning: None,
            is_counted: false,
            read: None,
            was_not_sent: false,
            closed: NEVER,
            interrupted: NEVER,
        }
    }
}
