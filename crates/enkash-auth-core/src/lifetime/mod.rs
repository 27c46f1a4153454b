//! How long a token lives, from the fields of a response to the times at which the cache acts.
//!
//! Three steps, a file each: what the response says ([`Expiry`]), how long that is on the *local* clocks
//! ([`Lifetime`]), and the timestamps inside it ([`Schedule`]).

mod exchange;
mod expiry;
mod schedule;

pub use self::{
    exchange::{Exchange, Lifetime},
    expiry::Expiry,
    schedule::Schedule,
};
