//! What is kept of a run.

use std::collections::BTreeSet;

use crate::clock::Millis;

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

pub(super) struct Sent {
    pub(super) number: u64,
    pub(super) at: Millis,
    /// When nobody waited for the answer any more.
    pub(super) end: Millis,
    pub(super) process: usize,
    pub(super) password: u32,
    pub(super) leave: Option<Permit>,
    pub(super) verdict: Option<Verdict>,
    pub(super) is_open: bool,
    pub(super) is_read: bool,
    /// It arrived when nobody waited for it any more.
    pub(super) is_late: bool,
    pub(super) stopped_at: Option<Millis>,
    pub(super) is_orphan: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Permit {
    pub(super) attempt: u64,
    pub(super) is_proven: bool,
    pub(super) begun: Millis,
    pub(super) end: Millis,
}

#[derive(Default)]
pub(super) struct Process {
    pub(super) leave: Option<Permit>,
    pub(super) has_token: bool,
    pub(super) failed_at: Option<Millis>,
    /// When it asked for leave and has had no answer.
    pub(super) asked_at: Vec<Millis>,
    pub(super) password: Option<u32>,
    pub(super) refused: BTreeSet<u32>,
}
