//! Six replicas as processes over one Redis: one token, through crashes and outages.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin fleet
//! ```
//!
//! It starts a token server that behaves like EnKash's, a `redis-server` (which must be installed) and
//! six replicas of itself, each a proxy with a token cache. Tokens live for 6 s. It sends calls through
//! all of them
//!
//! 1. concurrently, before there is a token;
//! 2. while two tokens expire;
//! 3. while two replicas are killed and replaced (not during a fetch: its lease, 14 s, is longer than
//!    these tokens live);
//! 4. while Redis is down, over two expiries;
//! 5. after Redis has restarted empty.
//!
//! After some 40 s it prints, per phase, calls, failures, and token requests as the server counted
//! them. It exits with 1 if a call failed or the first phase took more than one token request.

mod load;
mod replica;
mod stage;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand};
use enkash_auth_tower::BoxError;

use self::stage::Stage;

/// Six replicas over one Redis.
#[derive(Debug, Parser)]
#[command(name = "fleet")]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one of the six replicas
    #[command(hide = true)]
    Replica { base: String, redis: String },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Args::parse().command {
        Some(Command::Replica { base, redis }) => {
            replica::serve(&base, &redis).await.map(|()| true)
        }
        None => run().await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // If standard error is closed, the exit code remains.
            let _ = writeln!(io::stderr(), "fleet: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all phases; returns whether they succeeded.
async fn run() -> Result<bool, BoxError> {
    let mut stage = Stage::new().await?;
    let mut out = io::stdout();
    writeln!(
        out,
        "{:<28}{:>7}{:>8}{:>16}",
        "", "calls", "failed", "token requests"
    )?;
    let mut show = |phase: &str, (calls, failed, requests): (u64, u64, u64)| {
        writeln!(out, "{phase:<28}{calls:>7}{failed:>8}{requests:>16}").map(|()| (failed, requests))
    };

    let cold = stage.measured(load::burst(stage.addresses(), 30)).await;
    let (mut failed, cold) = show("180 at once, no token yet", cold)?;

    let steady = stage
        .measured(load::steady(stage.addresses(), secs(11)))
        .await;
    failed += show("two expiries", steady)?.0;

    stage.replace(2).await?;
    let replaced = stage
        .measured(load::steady(stage.addresses(), secs(6)))
        .await;
    failed += show("two killed, two started", replaced)?.0;

    stage.redis.kill()?;
    let gone = stage
        .measured(load::steady(stage.addresses(), secs(11)))
        .await;
    failed += show("Redis gone, two expiries", gone)?.0;

    stage.redis.restart().await?;
    let back = stage
        .measured(load::steady(stage.addresses(), secs(11)))
        .await;
    failed += show("Redis back, empty", back)?.0;
    Ok(failed == 0 && cold == 1)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
