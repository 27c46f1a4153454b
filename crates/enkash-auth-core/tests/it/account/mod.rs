//! Accounts, and the records of their attempts.

mod acquire;
mod bounds;
mod codec;
mod identity;
mod known_good;
mod lease;
mod merge;
mod outcome;
mod reset;
mod support;
mod tokens;
mod witness;
