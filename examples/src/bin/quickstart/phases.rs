use std::time::Duration;

use crate::{
    load::{self, Tally},
    progress::Progress,
    report::Row,
    stage::Stage,
};

/// The number of calls on the cold cache.
const AT_ONCE: u64 = 1_000;

/// The interval between later calls: 200 a second.
const PAUSE: Duration = Duration::from_millis(5);

/// The number of attempts of one fetch. An outage that fails all of them fails a whole renewal.
const ATTEMPTS: u64 = 3;

/// Makes concurrent calls without a token.
pub(crate) async fn cold_start(stage: &Stage, progress: &Progress) -> Row {
    progress.enter("cold start");
    let tally = load::at_once(stage, progress, AT_ONCE).await;
    row("cold start, all at once", Some(1), stage, 0, tally)
}

/// Makes calls until the first two tokens have expired. The third one lives longer, for the next phase.
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

/// Makes calls while the next token is due during an outage, and until the old token has expired.
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
