//! One fetch of a token: a task of its own that belongs to no caller.
//!
//! - `fetch` makes the attempts of one flight;
//! - `task` drives them, and lands the flight whatever happens to it;
//! - `ending` says in a word how it ended, for the log and the metrics;
//! - `landing` is where its waiters wait.

mod ending;
mod fetch;
mod landing;
mod task;

pub(crate) use self::{
    ending::Ending,
    landing::{Landed, Landing, Seat},
    task::launch,
};
