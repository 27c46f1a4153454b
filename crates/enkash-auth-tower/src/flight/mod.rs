//! One fetch of a token: a task of its own that belongs to nobody.
//!
//! - `gate` gives leave for each password attempt, from a store that records it first;
//! - `fetch` makes the attempts of one flight;
//! - `task` drives them, and lands the flight whatever happens to it;
//! - `landing` is where its waiters wait.

mod fetch;
mod gate;
mod landing;
mod task;

pub(crate) use self::{
    gate::Gate,
    landing::{Landed, Landing, Seat},
    task::launch,
};
