//! A sidecar proxy that adds EnKash's token to the calls of services in any language.
//!
//! ```sh
//! ENKASH_ENVIRONMENT=test ENKASH_CLIENT_ID=… ENKASH_CLIENT_SECRET=… \
//! ENKASH_USERNAME=… ENKASH_PASSWORD=… cargo run -p enkash-auth-examples --bin enkash-sidecar
//! ```
//!
//! It listens on `127.0.0.1:8787`, prints that to standard output, and forwards every request to the
//! platform with a valid token. It serves `GET /-/live`, `/-/ready` and `/-/status` itself. The log
//! goes to standard error, filtered by `RUST_LOG`. On SIGTERM it stops accepting connections and gives
//! in-flight requests 30 s.
//!
//! `enkash-sidecar check` requests a token, prints the outcome and what to do about it, and exits:
//!
//! | code | class | |
//! |---|---|---|
//! | 0 | `granted` | there is a token |
//! | 1 | | any other error |
//! | 2 | `invalid-setting` | a setting is missing, contradicts another or cannot be used |
//! | 3 | `unavailable` | the token server cannot be reached, is overloaded or fails |
//! | 4 | `invalid-response` | the response is a success without a usable token |
//! | 5 | `rejected` | the credentials were rejected |
//! | 6 | `account-locked` | the account is locked or disabled |
//! | 7 | `misconfigured` | the server does not support such a request |
//! | 8 | `forbidden` | this caller is not allowed, whatever its credentials |
//! | 9 | `unresolved` | the password was sent, and the outcome is unknown |
//! | 10 | `store-unavailable` | no record of the attempt can be made, so nothing was sent |
//! | 11 | `account-closed` | one more failed attempt could lock the account, so nothing was sent |
//!
//! The token and the record of attempts are stored in a directory (`ENKASH_TOKEN_STORE`), so that a
//! restart requests no token and a crash loop sends a wrong password once; or on Redis (`redis://…`,
//! `rediss://…`), which does the same for a fleet. `enkash-sidecar check --offline` validates the settings
//! and sends nothing. `enkash-sidecar reset` shows that record, asks for confirmation, and clears it; with
//! `--allow-rejected`, credentials that the server has rejected may be sent again.

mod app;
mod args;
mod check;
mod config;
mod connection;
mod failure;
mod guard;
mod log;
mod reset;
mod serve;
mod stop;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use self::{
    args::{Args, Command},
    config::Config,
    failure::Failure,
};

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(code) => code,
        Err(failure) => {
            // If standard error is closed, the exit code remains.
            let _ = writeln!(io::stderr(), "sidecar: {failure}");
            failure.exit_code()
        }
    }
}

fn run(args: &Args) -> Result<ExitCode, Failure> {
    log::init()?;
    let config = Config::read(args)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = match args.command {
        Some(Command::Check { offline: true }) => check::offline(),
        Some(Command::Check { offline: false }) => runtime.block_on(check::check(&config)),
        Some(Command::Reset {
            yes,
            allow_rejected,
        }) => runtime.block_on(reset::reset(&config, yes, allow_rejected)),
        None => runtime
            .block_on(serve::serve(config))
            .map(|()| ExitCode::SUCCESS),
    };
    // Does not wait for a blocked DNS lookup, which takes long if no name server responds.
    runtime.shutdown_background();
    outcome
}
