//! Calls at a steady rate against a faulty server, for any length of time.
//!
//! ```sh
//! cargo run --release -p enkash-auth-benches --bin soak -- --minutes 30
//! ```
//!
//! The server is a separate process: a sandbox whose tokens live 40 s, and which randomly delays,
//! truncates, garbles, denies or withholds the responses of its token endpoint, and sometimes revokes
//! all tokens. The seed determines the order. The calls go through `EnkashAuthLayer` with replay over
//! hyper-util's client.
//!
//! It prints a line per minute and then the result: calls; failures by kind; token requests; and the
//! resident memory and the open files of the process at its start, after its first minute, and at its
//! end. It exits with 1 if a call failed for another reason than the API's own 401, or if the number of
//! open files grew.

mod calls;
mod process;
mod server;
mod tally;

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use enkash_auth_tower::BoxError;

/// Calls at a steady rate against a faulty server
#[derive(Clone, Debug, Parser)]
#[command(name = "soak")]
struct Args {
    /// Duration in minutes
    #[arg(long, default_value_t = 30.0)]
    minutes: f64,
    /// Calls per second
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Seed of the faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs the server: prints its address, and serves until its input ends
    #[arg(long, hide = true)]
    server: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let args = Args::parse();
    if args.server {
        server::run(args.seed).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let server = process::Server::start(args.seed).await?;
    let tally = calls::run(&args, server.address()).await?;
    let is_well = tally.report(server.stop().await?)?;
    Ok(if is_well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Args {
    fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.minutes * 60.0)
    }
}
