use enkash_auth_core::{ErrorKind, strikes::Settlement};

use super::{
    Stage, Violation,
    cast::{Cast, REJECTED, bid},
    violation::hold,
};
use crate::{Begin, MemoryStore, TokenStore};

pub(super) async fn check(stage: &dyn Stage) -> Result<(), Violation> {
    refused(&Cast::new(stage)?).await?;
    reset(&Cast::new(stage)?).await?;
    of_another_store(&Cast::new(stage)?).await
}

async fn refused(cast: &Cast<'_>) -> Result<(), Violation> {
    let rule = "the first attempt of an account gets leave";
    let leave = cast.granted(1, rule).await?;
    for _ in 0..2 {
        cast.finish(&leave, REJECTED, None).await?;
    }
    let rule = "a refusal counts once, however often it is told";
    hold(cast.tally().await? == (1, 0), rule)?;
    let rule = "credentials that were refused get no leave again";
    match cast.begin(1).await? {
        Begin::Denied(error) => hold(error.kind() == ErrorKind::Rejected, rule)?,
        _ => return Err(Violation::of(rule)),
    }
    let other = cast.with("the new password")?;
    let leave = other
        .granted(2, "after one refusal others get leave")
        .await?;
    let grant = other.grant("token-of-the-new")?;
    let standing = other.finish(&leave, Settlement::Granted, Some(&grant));
    let strikes = standing.await?.strikes;
    let rule = "a success clears what was before it";
    hold((strikes.definite, strikes.possible) == (0, 0), rule)
}

async fn reset(cast: &Cast<'_>) -> Result<(), Violation> {
    for (cache, password) in [(1, "one"), (2, "two")] {
        let cast = cast.with(password)?;
        let rule = "two attempts with different passwords get leave";
        let leave = cast.granted(cache, rule).await?;
        cast.finish(&leave, REJECTED, None).await?;
    }
    let rule = "after two refusals there is no third attempt";
    hold(matches!(cast.begin(3).await?, Begin::Denied(_)), rule)?;
    cast.reset().await?;
    hold(cast.tally().await? == (0, 0), "a reset forgets the strikes")?;
    let on = cast.granted(3, "after a reset there is leave").await?;
    cast.reset().await?;
    let rule = "an attempt that is on keeps its mark through a reset";
    hold(cast.tally().await? == (0, 1), rule)?;
    cast.finish(&on, Settlement::Unresolved, None).await?;
    let rule = "an attempt of which nobody knows stays on the record";
    hold(cast.tally().await? == (0, 1), rule)
}

async fn of_another_store(cast: &Cast<'_>) -> Result<(), Violation> {
    let other = MemoryStore::new();
    let begin = other.begin(&cast.who, bid(1), None, cast.stage.now());
    let Begin::Granted(elsewhere) = begin.await? else {
        return Err(Violation::of("a new store in memory gives leave"));
    };
    let token = cast.grant("token")?;
    for (settlement, grant) in [
        (Settlement::Granted, Some(&token)),
        (REJECTED, None),
        (REJECTED, None),
    ] {
        let standing = cast.finish(&elsewhere, settlement, grant).await?;
        let rule = "the token of an attempt of which there is no record is not kept";
        hold(standing.token.is_none(), rule)?;
    }
    let rule = "the refusal of an attempt of which there is no record counts, once";
    hold(cast.tally().await? == (1, 0), rule)?;
    let rule = "what was refused elsewhere gets no leave here";
    hold(matches!(cast.begin(2).await?, Begin::Denied(_)), rule)
}
