use std::{
    io::{self, Write},
    process::ExitCode,
};

use enkash_auth_redis::RedisStore;

use crate::{
    config::Config,
    failure::{Failure, advice, one_line},
    store::OpenStore,
};

/// Prints that the settings are valid.
pub(crate) fn offline() -> Result<ExitCode, Failure> {
    writeln!(io::stdout(), "settings: valid; nothing was sent")?;
    Ok(ExitCode::SUCCESS)
}

/// Exits with this if the token was granted, and the store loses or refuses records.
const STORE_UNFIT: u8 = 12;

/// Exits with this if the token was granted, and there are only warnings about the store.
const STORE_WARNED: u8 = 13;

/// Describes the store, if it is a server, makes one token request, and prints the class of the outcome and what to
/// do about it.
pub(crate) async fn check(config: &Config, account: Option<&str>) -> Result<ExitCode, Failure> {
    let tokens = config.tokens.one(account)?;
    let mut out = io::stdout();
    let fitness = match &config.store {
        OpenStore::Redis(store) => describe(store, &mut out).await?,
        OpenStore::Directory(_) | OpenStore::Memory { .. } => 0,
    };
    let code = match tokens.token().await {
        Ok(_) => {
            let status = tokens.status();
            let left = status.remaining().unwrap_or_default().as_secs();
            let from = match status.token_requests() {
                0 => " (stored by an earlier request; none was made)",
                _ => "",
            };
            writeln!(out, "granted: token valid for {left} s{from}")?;
            ExitCode::from(fitness)
        }
        Err(error) => {
            writeln!(out, "{}: {}", error.kind().as_str(), one_line(&error))?;
            let (code, hint) = advice(error.kind());
            writeln!(out, "hint: {hint}")?;
            ExitCode::from(code)
        }
    };
    if let OpenStore::Memory { why } = &config.store {
        writeln!(out, "note: nothing is stored for the next run: {why}")?;
    }
    Ok(code)
}

/// Prints what the store says of itself. Returns the exit code for that.
async fn describe(store: &RedisStore, out: &mut impl Write) -> io::Result<u8> {
    let server = match store.inspect().await {
        Ok(server) => server,
        Err(error) => {
            writeln!(out, "store: {}", one_line(&*error))?;
            return Ok(STORE_UNFIT);
        }
    };
    writeln!(out, "store: {server}")?;
    let mut code = 0;
    for warning in server.warnings() {
        writeln!(out, "warning: {warning}")?;
        code = STORE_WARNED;
    }
    for error in server.errors() {
        writeln!(out, "error: {error}")?;
        code = STORE_UNFIT;
    }
    Ok(code)
}
