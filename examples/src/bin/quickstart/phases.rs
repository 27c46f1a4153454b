use std::time::Duration;

use crate::{
    load::{self, Tally},
    progress::Progress,
    report::Row,
    stage::Stage,
};

/// How many calls find the cache cold.
const AT_ONCE: u64 = 1_000;

/// The pause between calls afterwards: 200 a second.
const PAUSE: Duration = Duration::from_millis(5);

/// How many requests one fetch makes before it gives up. An outage that turns all of them away
/// fails a whole renewal.
const ATTEMPTS: u64 = 3;

/// All at once, and no token yet.
pub(crate) async fn cold_start(stage: &Stage, progress: &Progress) -> Row {
    progress.enter("cold start");
    let tally = load::at_once(stage, progress, AT_ONCE).await;
    row("cold start, all at once", Some(1), stage, 0, tally)
}

/// Until the first two tokens have expired. The third one lives longer, for what comes next.
pub(crate) async fn expiries(stage: &Stage, progress: &Progress) -> Row {
    progress.enter("two expiries");
    let before = stage.token_requests();
    let end = async {
        stage.until_issued(2).await;
        stage.issue_long_tokens();
        stage.until_issued(3).await;
        stage.until_expired().await;
    };
    let tally = load::steady(stage, progress, PAUSE, end).await;
    row("two expiries, 200 a second", None, stage, before, tally)
}

/// The next token is due and cannot be had; then it can, and the old one expires.
pub(crate) async fn outage(stage: &Stage, progress: &Progress) -> Row {
    progress.enter("until a renewal is due");
    let before = stage.token_requests();
    let end = async {
        stage.until_almost_due().await;
        progress.enter("outage of the token endpoint");
        stage.be_out_for(ATTEMPTS).await;
        progress.enter("token endpoint back");
        stage.until_issued(4).await;
        stage.until_expired().await;
    };
    let tally = load::steady(stage, progress, PAUSE, end).await;
    row("token outage, 200 a second", None, stage, before, tally)
}

fn row(
    phase: &'static str,
    most_token_requests: Option<u64>,
    stage: &Stage,
    before: u64,
    tally: Tally,
) -> Row {
    Row {
        phase,
        token_requests: stage.token_requests() - before,
        most_token_requests,
        tally,
    }
}
