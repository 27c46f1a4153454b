//! Whether a password may be sent.

use super::{Checks, Permit, Sent};
use crate::{clock::Millis, world::Who};

/// How long a process waits for the store.
const PATIENCE: Millis = 500;

/// How long after a failure of the store a process may still go on without it.
const SHORTLY: Millis = 1_000;

impl Checks {
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

    pub(super) fn check_refusals(&mut self) {
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
