//! A token that is at hand, put on a request: ours, what it costs at least, and what one would write
//! by hand.

mod base;
mod composed;
mod hand_written;
mod ours;
mod way;

pub use self::{
    base::{Bare, Insert},
    way::{Factory, INSERT, Runner, WAYS, Way, cloned, kept},
};
