//! The gate before every password attempt: what the store says, or what is done without it.
//!
//! 1. No password is sent but with leave of a store, which has recorded the attempt first.
//! 2. What an attempt came to reaches the store: if not now, then before the next attempt.
//! 3. While the store is down, credentials that have succeeded go on under the record of this
//!    process; others send nothing, unless that was chosen.

mod applicant;
mod debts;
mod limited;
mod notes;
mod pass;
mod settle;

pub(super) use self::applicant::{Applicant, Passed, Permit};
pub(crate) use self::pass::Gate;
