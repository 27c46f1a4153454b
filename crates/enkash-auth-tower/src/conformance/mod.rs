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
mod tokens;
mod violation;

pub use self::{
    stage::{Passing, Stage, Told},
    violation::Violation,
};

/// Plays every case. The first that fails ends it.
///
/// Time passes for some 20 s in all.
///
/// # Errors
///
/// What the store does that it must not, or fails to do.
pub async fn check(stage: &dyn Stage) -> Result<(), Violation> {
    leases::check(stage).await?;
    strikes::check(stage).await?;
    tokens::check(stage).await?;
    dropped::check(stage).await
}
