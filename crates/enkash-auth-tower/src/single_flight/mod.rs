//! One fetch of a token: a task of its own that belongs to no caller.
//!
//! - `fetch` makes the attempts of one flight;
//! - `task` drives them, and lands the flight whatever happens to it;
//! - `waiters` is where its waiters wait.

mod fetch;
mod task;
mod waiters;

pub(crate) use self::{
    task::{FetchEnd, spawn},
    waiters::{Completion, Waiter, Waiters},
};
