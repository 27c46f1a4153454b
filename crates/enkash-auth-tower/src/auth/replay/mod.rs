//! Sending a call a second time, with another token, after the API rejected the first one's.
//!
//! Only if the first call provably did nothing: its method is idempotent, or the API says that it rejected
//! the token before it acted.
//!
//! - `policy`: which calls may be sent again;
//! - `request`: what can be sent again;
//! - `second`: the second call.

mod policy;
mod request;
mod second;

pub use self::{
    policy::{Kept, NoReplay, Replay, ReplayPolicy},
    request::{ReplayBody, ReplayRequest},
    second::Second,
};
