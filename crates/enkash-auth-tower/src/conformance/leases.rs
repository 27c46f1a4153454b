use std::time::Duration;

use enkash_auth_core::strikes::Settlement;

use super::{
    Stage, Violation,
    cast::{Cast, LEASE, REJECTED, soon},
    violation::hold,
};
use crate::Begin;

pub(super) async fn check(stage: &dyn Stage) -> Result<(), Violation> {
    one_at_a_time(&Cast::new(stage)?).await?;
    given_up(&Cast::new(stage)?).await?;
    stands_still(&Cast::new(stage)?).await
}

async fn one_at_a_time(cast: &Cast<'_>) -> Result<(), Violation> {
    let first = cast
        .granted(1, "the first attempt of an account gets leave")
        .await?;
    let rule = "while an attempt is on, no other gets leave";
    hold(matches!(cast.begin(2).await?, Begin::Busy), rule)?;
    let other = cast.with("another password")?;
    let rule = "a lease is that of the account, whatever the password";
    hold(matches!(other.begin(2).await?, Begin::Busy), rule)?;
    let rule = "an attempt is on the record before it is made";
    hold(cast.tally().await? == (0, 1), rule)?;
    cast.finish(&first, Settlement::Harmless, None).await?;
    let rule = "an attempt that did no harm leaves no mark";
    hold(cast.tally().await? == (0, 0), rule)?;
    let rule = "when an attempt has ended, the next gets leave";
    let next = cast.granted(2, rule).await?;
    cast.finish(&next, Settlement::Harmless, None).await?;
    Ok(())
}

/// Leave that is dropped lets the next through: at once, or when the lease is over.
async fn given_up(cast: &Cast<'_>) -> Result<(), Violation> {
    let rule = "the first attempt of an account gets leave";
    drop(cast.granted(1, rule).await?);
    drop(soon(cast, 2).await?);
    let rule = "an attempt that was given up leaves its mark";
    hold(cast.tally().await? == (0, 2), rule)?;
    for _ in 0..50 {
        if !matches!(cast.begin(3).await?, Begin::Busy) {
            break;
        }
        cast.stage.pass(Duration::from_millis(100)).await?;
    }
    let rule = "after two attempts of which nobody knows there is no third";
    hold(matches!(cast.begin(3).await?, Begin::Denied(_)), rule)
}

async fn stands_still(cast: &Cast<'_>) -> Result<(), Violation> {
    let rule = "the first attempt of an account gets leave";
    let late = cast.granted(1, rule).await?;
    cast.stage.pass(LEASE / 2).await?;
    let rule = "a lease lasts for as long as was bid";
    hold(matches!(cast.begin(2).await?, Begin::Busy), rule)?;
    cast.stage.pass(LEASE / 2).await?;
    let next = cast
        .granted(2, "a lease ends, whatever became of its holder")
        .await?;
    let standing = cast.finish(&late, REJECTED, None).await?;
    hold(standing.strikes.definite == 1, "a late refusal counts")?;
    drop(late);
    let rule = "who comes too late does not end the lease of another";
    hold(matches!(cast.begin(3).await?, Begin::Busy), rule)?;
    cast.finish(&next, Settlement::Harmless, None).await?;
    drop(next);
    let rule = "what was refused, if late, is not sent again";
    hold(matches!(cast.begin(3).await?, Begin::Denied(_)), rule)
}
