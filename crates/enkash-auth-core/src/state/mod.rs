//! The life of a token as a pure function: (state, event, now) → (state, decision).
//!
//! It reads no clock, generates no random numbers and never waits: the caller passes in the time and the
//! jitter, and carries out the decision. The events: a [lookup](State::lookup) by a caller; a token that the
//! pending fetch has [received](State::received); its [completion](State::complete); a token that the API has
//! [rejected](State::unauthorized) or [accepted](State::accepted).
//!
//! A token is *fresh*, in its *refresh window*, or *expired*. Beside it, a fetch may be pending, or a backoff
//! runs after the last one failed:
//!
//! | | no fetch | pending fetch | backoff |
//! |---|---|---|---|
//! | fresh | serve | serve | serve |
//! | refresh window | serve, spawn | serve | serve |
//! | expired | wait, spawn | wait | fail with the last error |
//!
//! An unauthorized token counts as expired, with proof; without, its refresh window is open. One that its issuer
//! returned again has no refresh window. The backoff after a failed refresh ends when the cached token expires.

mod backoff;
mod decision;
mod doubt;
mod held;
mod machine;
mod pending_fetch;

pub use self::{
    backoff::FetchError,
    decision::{Decision, Lookup, View},
    doubt::Call,
    machine::State,
    pending_fetch::{FetchOutcome, FetchReason, PendingFetch},
};
