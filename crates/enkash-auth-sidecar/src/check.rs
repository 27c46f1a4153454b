use std::{
    io::{self, Write},
    process::ExitCode,
};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::ErrorKind;

use crate::{
    config::Config,
    failure::{Failure, one_line},
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

/// Returns the exit code of `check` for an error, and what to do about it, which the page shows as well.
pub(crate) fn advice(kind: ErrorKind) -> (u8, &'static str) {
    match kind {
        ErrorKind::InvalidSetting => (2, "correct the named setting"),
        ErrorKind::Unavailable => (
            3,
            "check ENKASH_BASE_URL, the network and the proxy; a running sidecar retries by itself",
        ),
        ErrorKind::InvalidResponse => (
            4,
            "the response from ENKASH_BASE_URL has no token: is it EnKash's token server?",
        ),
        ErrorKind::Rejected => (
            5,
            "check the credentials in ENKASH_* before they are sent again: a third consecutive rejection \
             locks the account; those in files are read again by themselves, those in variables at a restart",
        ),
        ErrorKind::AccountLocked => (
            6,
            "have EnKash unlock the account, then run `enkash-sidecar reset`",
        ),
        ErrorKind::Misconfigured => (
            7,
            "check ENKASH_BASE_URL, and whether the product takes a password or merchant keys",
        ),
        ErrorKind::Forbidden => (
            8,
            "ask EnKash whether this machine's address is allow-listed and the API enabled",
        ),
        ErrorKind::Unresolved => (
            9,
            "EnKash may count this as a failed attempt: check the token server and the account, \
             then run `enkash-sidecar reset`",
        ),
        ErrorKind::StoreUnavailable => (
            10,
            "check the directory or the server in ENKASH_TOKEN_STORE; once it responds, \
             a running sidecar goes on by itself",
        ),
        ErrorKind::AccountClosed => (
            11,
            "check the account and the credentials in EnKash's portal and correct them, \
             then run `enkash-sidecar reset`: a third failed attempt could lock the account",
        ),
        _ => (1, "see the log, with RUST_LOG=debug for details"),
    }
}
