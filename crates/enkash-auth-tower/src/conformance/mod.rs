//! What every [`TokenStore`](crate::TokenStore) must do, as one suite for all of them.
//!
//! A store is put on a [`Stage`] that says how its time passes, and [`check`] plays every case on it,
//! each for an account of its own. It changes nothing of other accounts.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use enkash_auth_tower::{MemoryStore, conformance::{Told, check}};
//!
//! # tokio_test::block_on(async {
//! // It goes by the time that it is told.
//! check(&Told::new(Arc::new(MemoryStore::new()))).await
//! # })?;
//! # Ok::<(), enkash_auth_tower::conformance::Violation>(())
//! ```

mod cast;
mod dropped;
mod leases;
mod stage;
mod strikes;
mod suite;
mod tokens;
mod violation;

pub use self::{
    stage::{Passing, Stage, Told},
    suite::check,
    violation::Violation,
};
