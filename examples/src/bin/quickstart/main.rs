//! A thousand calls on a cold cache, two expiries and an outage, over real HTTP.
//!
//! ```sh
//! cargo run --release -p enkash-auth-examples --bin quickstart
//! ```
//!
//! It starts a token server that behaves like EnKash's on a loopback port, and sends calls to it
//! through `EnkashAuthLayer` over real sockets:
//!
//! 1. a thousand concurrently, before there is a token;
//! 2. 200 a second while two tokens expire;
//! 3. 200 a second during an outage of the token endpoint, just when the next token is due.
//!
//! After some 18 seconds it prints, per phase, calls, failures, token requests as the server counted
//! them, and the slowest call. It exits with 1 if a call failed or the first phase took more than
//! one token request.
//!
//! ```sh
//! cargo run --release -p enkash-auth-examples --bin quickstart -- --live
//! ```
//!
//! requests one token from the server named by the `ENKASH_*` variables, passes it to twenty tasks, and
//! prints the number of requests. It calls no API and shows no secret. Token and record of attempts are
//! stored in `ENKASH_TOKEN_STORE`, as by the sidecar: a wrong password is sent once across runs.

mod api;
mod live;
mod load;
mod phases;
mod progress;
mod report;
mod stage;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use enkash_auth_examples::one_line;
use enkash_auth_tower::BoxError;

use self::{progress::Progress, stage::Stage};

/// A run takes 18 s; one that takes longer is stuck.
const LIMIT: Duration = Duration::from_secs(28);

/// A thousand calls on one token, across expiries and an outage.
#[derive(Debug, Parser)]
#[command(name = "quickstart")]
struct Args {
    /// Requests one token from the server named by ENKASH_*, and nothing else
    #[arg(long)]
    live: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // If standard error is closed, the exit code remains.
            let _ = writeln!(io::stderr(), "quickstart: {}", one_line(&*error));
            ExitCode::FAILURE
        }
    }
}

/// Returns whether all phases succeeded.
fn run(args: &Args) -> Result<bool, BoxError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if args.live {
        return runtime.block_on(live::run());
    }
    let rows = runtime
        .block_on(async { tokio::time::timeout(LIMIT, play()).await })
        .map_err(|_| format!("not done after {} s", LIMIT.as_secs()))??;
    io::stdout().write_all(report::table(&rows).as_bytes())?;
    Ok(report::is_good(&rows))
}

async fn play() -> Result<Vec<report::Row>, BoxError> {
    let stage = Stage::set().await?;
    let progress = Progress::new();
    let rows = vec![
        phases::cold_start(&stage, &progress).await,
        phases::expiries(&stage, &progress).await,
        phases::outage(&stage, &progress).await,
    ];
    progress.clear();
    stage.clear().await;
    Ok(rows)
}
