//! The account record: the attempts to get a token for one account, and whether another may be made.
//!
//! The server locks an account at the third failed attempt in a row. [`Facts`] records which attempts count;
//! [`Facts::acquire`], [`Facts::record_outcome`] and [`Facts::reset`] are the rules, pure functions that
//! are the same for every store. An [`AccountRecord`] is the facts as a store keeps them, with the sealed
//! tokens. A [`Witness`] holds what one process has seen, and outlives a lost record.

mod acquire;
mod attempt;
mod cleared;
mod facts;
mod record;
mod witness;

pub use crate::fingerprint::Fingerprint;

pub use self::{
    acquire::{Acquire, AttemptContext, Lease, Permit},
    attempt::{Attempt, AttemptId, AttemptOutcome},
    facts::{BUDGET, Facts},
    record::{AccountRecord, Unreadable},
    witness::Witness,
};
