//! EnKash's token on the calls of services in any language: a proxy to stand beside them.
//!
//! ```sh
//! ENKASH_ENVIRONMENT=test ENKASH_CLIENT_ID=… ENKASH_CLIENT_SECRET=… \
//! ENKASH_USERNAME=… ENKASH_PASSWORD=… cargo run -p enkash-auth-examples --bin enkash-sidecar
//! ```
//!
//! It listens on `127.0.0.1:8787`, says so on standard output, and forwards every request to the
//! platform with a valid token. `GET /-/live`, `/-/ready` and `/-/status` are its own. The log goes
//! to standard error, as `RUST_LOG` says. On SIGTERM it accepts nothing more and gives requests
//! under way 30 s.
//!
//! `enkash-sidecar check` asks for a token, prints how that went and what to do about it, and exits:
//!
//! | code | class | |
//! |---|---|---|
//! | 0 | `granted` | there is a token |
//! | 1 | | anything not below |
//! | 2 | `invalid-setting` | a setting is missing, contradicts another or cannot be used |
//! | 3 | `unavailable` | the token server cannot be reached, is overloaded or fails |
//! | 4 | `invalid-response` | the answer says yes and holds no usable token |
//! | 5 | `rejected` | the credentials were refused |
//! | 6 | `account-locked` | the account is locked or disabled |
//! | 7 | `misconfigured` | the server does not take such a request |
//! | 8 | `forbidden` | this caller is refused, whatever its credentials |
//! | 9 | `unresolved` | the password was sent, and nobody knows what came of it |
//! | 10 | `store-unavailable` | no record of the attempt can be made, so nothing was sent |
//! | 11 | `account-closed` | one more failed attempt could lock the account, so nothing was sent |
//!
//! The token and the record of attempts are kept in a directory (`ENKASH_TOKEN_STORE`), so that a
//! restart asks for no token and a crash loop with a wrong password sends it once; or on Redis
//! (`redis://…`, `rediss://…`), so that a fleet does. `enkash-sidecar check --offline` validates the settings
//! and sends nothing. `enkash-sidecar reset` shows that record, asks, and clears it; with `--allow-rejected`,
//! credentials may be sent again that the server has rejected.

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
            // If even standard error is gone, the exit code still tells.
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
    // Not to wait for a thread that looks a name up: where no server answers, that takes long.
    runtime.shutdown_background();
    outcome
}
