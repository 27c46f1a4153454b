//! How long a token lives, from what the server says to the moments at which we act.
//!
//! Three steps, a file each: what the response says ([`Expiry`]), how long that is on *our* clocks
//! ([`Lifetime`]), and the moments inside it ([`Schedule`]).

mod exchange;
mod expiry;
mod schedule;

pub use self::{
    exchange::{Exchange, Lifetime},
    expiry::Expiry,
    schedule::Schedule,
};
