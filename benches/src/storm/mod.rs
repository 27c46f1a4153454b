//! Many concurrent callers without a token: their requests to the server, and their outcomes.

mod aftermath;
mod hand_written;
mod memory;
mod ours;
mod play;

pub use self::{
    aftermath::{Aftermath, cancelled, revoked},
    hand_written::HandWritten,
    memory::bytes_per_waiter,
    ours::Ours,
    play::{CALLERS, CALLERS_IN_SERIES, Cache, FETCH, Outcome, cold, failing, impatient, retrying},
};
