use super::{Stage, Violation, dropped, leases, strikes, tokens};

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
