//! The life of a token as a pure function: (state, event, now) → (state, decision).
//!
//! No clock is read, nothing is drawn, nothing is waited for in here: the caller brings the time and
//! a random number, and carries out what is decided. The events: a caller [asks](State::ask); a flight
//! (one fetch of a token) is [answered](State::answered) and [lands](State::land); the API
//! [refuses](State::refuse) a token.
//!
//! A token is *fresh*, in its *early window*, or *over*. Beside it, a flight may be on, or a pause runs after
//! the last one failed:
//!
//! | | no flight | flight | pause |
//! |---|---|---|---|
//! | fresh | serve | serve | serve |
//! | early | serve, launch | serve | serve |
//! | over | wait, launch | wait | fail with the last error |
//!
//! A token that the API refused is over. One that its issuer returned again has no early window. A pause after a
//! renewal that failed behind a good token ends when that is over.

mod backoff;
mod decision;
mod held;
mod machine;
mod pending_fetch;

pub use self::{
    decision::{Decision, Lookup, View},
    machine::State,
    pending_fetch::{FetchOutcome, FetchReason, PendingFetch},
};
