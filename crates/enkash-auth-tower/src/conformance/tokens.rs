use std::time::Duration;

use enkash_auth_core::{RefreshPolicy, lifetime::Schedule, strikes::Settlement};

use super::{
    Stage, Violation,
    cast::{Cast, LEASE},
    violation::hold,
};
use crate::Begin;

pub(super) async fn check(stage: &dyn Stage) -> Result<(), Violation> {
    found(&Cast::new(stage)?).await?;
    late(&Cast::new(stage)?).await
}

async fn found(cast: &Cast<'_>) -> Result<(), Violation> {
    let rule = "what is not there is not found";
    hold(cast.load().await?.token.is_none(), rule)?;
    let leave = cast
        .granted(1, "the first attempt of an account gets leave")
        .await?;
    let grant = cast.grant("token")?;
    cast.finish(&leave, Settlement::Granted, Some(&grant))
        .await?;
    let passed = Duration::from_secs(2);
    cast.stage.pass(passed).await?;
    let rule = "a token is found by whoever does not know it";
    let Begin::Found(token) = cast.begin(2).await? else {
        return Err(Violation::of(rule));
    };
    hold(token.bearer().expose() == "token", rule)?;
    let rule = "a token is that of the attempt which brought it";
    hold(token.edition() == leave.edition(), rule)?;
    let schedule = Schedule::new(token.lifetime(), &RefreshPolicy::default(), 0.0);
    // As of now, for the wall clock of the store may be another.
    let left = schedule.map(|schedule| schedule.expiry().remaining(cast.stage.now()));
    let whole = Duration::from_secs(300).saturating_sub(passed);
    let rule = "a token lives as long as it did, and no longer, wherever it is found";
    let slack = Duration::from_millis(1_500);
    hold(
        left.is_some_and(|left| left <= whole && left + slack >= whole),
        rule,
    )?;
    let rule = "one who knows the token gets leave to fetch the next";
    let begun = cast.begin_knowing(3, Some(token.edition())).await?;
    let Begin::Granted(next) = begun else {
        return Err(Violation::of(rule));
    };
    cast.finish(&next, Settlement::Harmless, None).await?;
    let other = cast.with("another password")?;
    let rule = "a token is shown to no other credentials";
    hold(other.load().await?.token.is_none(), rule)?;
    let begun = other.begin(4).await?;
    hold(matches!(begun, Begin::Granted(_)), rule)
}

async fn late(cast: &Cast<'_>) -> Result<(), Violation> {
    let rule = "the first attempt of an account gets leave";
    let late = cast.granted(1, rule).await?;
    cast.stage.pass(LEASE).await?;
    let rule = "a lease ends, whatever became of its holder";
    let next = cast.granted(2, rule).await?;
    let rule = "a late token displaces no newer one";
    for (leave, token) in [(&next, "next"), (&late, "late")] {
        let grant = cast.grant(token)?;
        let standing = cast.finish(leave, Settlement::Granted, Some(&grant));
        let found = standing.await?.token;
        hold(
            found.is_some_and(|found| found.bearer().expose() == "next"),
            rule,
        )?;
    }
    let found = cast.load().await?.token;
    hold(
        found.is_some_and(|found| found.edition() == next.edition()),
        rule,
    )
}
