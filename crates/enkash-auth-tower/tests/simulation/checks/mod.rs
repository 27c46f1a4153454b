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
//!    succeeded before: those are no strikes, on purpose.
//! 5. No token is attached at or past its end. That of a sticky issuer may be, by a second and a
//!    quarter at most, where another had it minted.

mod answers;
mod records;
mod sending;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use self::records::{Permit, Process, Sent};
pub(crate) use self::records::{Tally, Verdict};
use crate::clock::Millis;

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
