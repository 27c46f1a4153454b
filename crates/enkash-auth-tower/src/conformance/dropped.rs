//! Calls that are dropped at each of their awaits. Whoever drops one does not know what it has done:
//! that may be all or nothing of it, and doing it again does it once.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Context, Poll},
};

use enkash_auth_core::strikes::Settlement;

use super::{
    Stage, Violation,
    cast::{Cast, LEASE, REJECTED, soon},
    violation::hold,
};
use crate::Begin;

/// A call of a store has fewer awaits.
const MOST: usize = 1_000;

pub(super) async fn check(stage: &dyn Stage) -> Result<(), Violation> {
    begin(stage).await?;
    for at in 0..MOST {
        let ended = [
            load(&Cast::new(stage)?, at).await?,
            refused(&Cast::new(stage)?, at).await?,
            granted(&Cast::new(stage)?, at).await?,
            reset(&Cast::new(stage)?, at).await?,
        ];
        if ended == [true; 4] {
            return Ok(());
        }
    }
    Err(Violation::of("a call comes to its end"))
}

/// All at once: they wait for their leases together.
async fn begin(stage: &dyn Stage) -> Result<(), Violation> {
    let mut casts = Vec::new();
    for at in 0..MOST {
        let cast = Cast::new(stage)?;
        let begun = dropped(cast.begin(1), at).await;
        casts.push(cast);
        if begun.is_some() {
            break;
        }
    }
    stage.pass(LEASE).await?;
    for cast in &casts {
        let rule = "leave that nobody heard of is one attempt of which nobody knows, at most";
        let (definite, possible) = cast.tally().await?;
        hold(definite == 0 && possible <= 1, rule)?;
        let next = soon(cast, 2).await?;
        let grant = cast.grant("token")?;
        let standing = cast.finish(&next, Settlement::Granted, Some(&grant));
        let rule = "leave that nobody heard of stands in nobody's way";
        hold(standing.await?.token.is_some(), rule)?;
    }
    Ok(())
}

async fn load(cast: &Cast<'_>, at: usize) -> Result<bool, Violation> {
    let ended = dropped(cast.load(), at).await.transpose()?.is_some();
    let rule = "a load that was dropped changes nothing";
    hold(cast.tally().await? == (0, 0), rule)?;
    Ok(ended)
}

async fn refused(cast: &Cast<'_>, at: usize) -> Result<bool, Violation> {
    let rule = "the first attempt of an account gets leave";
    let leave = cast.granted(1, rule).await?;
    let finish = dropped(cast.finish(&leave, REJECTED, None), at).await;
    let ended = finish.transpose()?.is_some();
    cast.finish(&leave, REJECTED, None).await?;
    let rule = "a refusal counts once, though nobody heard of the first time that it was told";
    hold(cast.tally().await? == (1, 0), rule)?;
    let denied = matches!(cast.begin(1).await?, Begin::Denied(_));
    hold(denied, "credentials that were refused get no leave again")?;
    Ok(ended)
}

async fn granted(cast: &Cast<'_>, at: usize) -> Result<bool, Violation> {
    let rule = "the first attempt of an account gets leave";
    let (leave, grant) = (cast.granted(1, rule).await?, cast.grant("token")?);
    let finish = dropped(cast.finish(&leave, Settlement::Granted, Some(&grant)), at).await;
    let ended = finish.transpose()?.is_some();
    let again = cast.finish(&leave, Settlement::Granted, Some(&grant));
    let rule = "a token is there, though nobody heard of the first time that it was brought";
    hold(again.await?.token.is_some(), rule)?;
    hold(cast.load().await?.token.is_some(), rule)?;
    hold(cast.tally().await? == (0, 0), "a success leaves no mark")?;
    Ok(ended)
}

async fn reset(cast: &Cast<'_>, at: usize) -> Result<bool, Violation> {
    let rule = "the first attempt of an account gets leave";
    let leave = cast.granted(1, rule).await?;
    cast.finish(&leave, REJECTED, None).await?;
    let ended = dropped(cast.reset(), at).await.transpose()?.is_some();
    cast.reset().await?;
    hold(cast.tally().await? == (0, 0), "a reset forgets the strikes")?;
    let rule = "after a reset there is leave";
    let next = cast.granted(2, rule).await?;
    cast.finish(&next, Settlement::Harmless, None).await?;
    Ok(ended)
}

/// Drops `call` when it has waited `awaits` times; what it comes to where it ends before.
async fn dropped<T>(call: impl Future<Output = T>, awaits: usize) -> Option<T> {
    let mut call = pin!(call);
    let mut waited = 0;
    poll_fn(|cx: &mut Context<'_>| match call.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if waited == awaits => Poll::Ready(None),
        Poll::Pending => {
            waited += 1;
            Poll::Pending
        }
    })
    .await
}
