//! Fetches a token once for all callers.
//!
//! `task` spawns a task that belongs to no caller, and completes the fetch whatever happens to it. `fetch`
//! makes the attempts. Completing wakes the `waiters`.

mod fetch;
mod task;
mod waiters;

pub use self::{
    task::{FetchEnd, spawn},
    waiters::{Completion, Waiter, Waiters},
};
