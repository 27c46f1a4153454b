//! Many callers and no token: what they cost the server, and what they get.

mod hand_written;
mod memory;
mod ours;
mod play;

pub use self::{
    hand_written::HandWritten,
    memory::bytes_per_waiter,
    ours::Ours,
    play::{CALLERS, CALLERS_IN_SERIES, Cache, FETCH, Outcome, cold, failing, impatient, retrying},
};
