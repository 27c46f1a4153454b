//! The life of a token as a pure function: (state, event, now) → (state, decision).
//!
//! No clock is read, nothing is drawn, nothing is waited for in here: the caller brings the time and
//! a random number, and carries out what is decided. Two events: somebody [asks](State::ask), and a
//! flight (one fetch of a token) [lands](State::land).
//!
//! A token is *fresh*, in its *early window*, or *over*. Beside it, a flight may be on, or the last
//! one has failed and a pause runs. Every combination is possible, and each is one line of a table:
//!
//! | | no flight | flight | pause |
//! |---|---|---|---|
//! | fresh | serve | serve | serve |
//! | early | serve, launch | serve | serve |
//! | over | wait, launch | wait | fail with the last error |

mod decision;
mod flight;
mod machine;
mod pause;

pub use self::{
    decision::{Decision, Verdict, View},
    flight::{Flight, Outcome, Reason},
    machine::State,
};
