//! A cached token, added to a request: ours, the minimum cost, and the hand-written way.

mod base;
mod composed;
mod hand_written;
mod ours;
mod way;

pub use self::{
    base::{Bare, Insert, ready_header},
    way::{Factory, INSERT, Runner, WAYS, Way, cloned, kept},
};
