//! How often a password may be tried before the server locks the account.
//!
//! The server locks at three failed attempts in a row (three products document it). Here an account
//! stops at two: attempts known to be refused, and attempts of which nobody knows.
//!
//! [`Strikes`] is that rule. A [`Ledger`] is what a store keeps of an account: its strikes, and the
//! lease of the one attempt that is on; it can be written down as text and read again.

mod attempt;
mod budget;
mod denial;
mod ledger;
mod record;

pub use self::{
    attempt::{Attempt, Settlement},
    budget::{BUDGET, Strikes},
    denial::{budget_spent, given_up, refused_before},
    ledger::{Bid, Holder, Ledger, Opening},
    record::Unreadable,
};
