//! One fetch of a token: a task of its own that belongs to no caller.
//!
//! - `fetch` makes the attempts of one flight;
//! - `task` drives them, and lands the flight whatever happens to it;
//! - `landing` is where its waiters wait.

mod fetch;
mod landing;
mod task;

pub(crate) use self::{
    landing::{Landed, Landing, Seat},
    task::{Ending, launch},
};
