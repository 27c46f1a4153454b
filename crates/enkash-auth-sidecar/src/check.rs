use std::{
    io::{self, Write},
    process::ExitCode,
};

use enkash_auth_tower::{Error, ErrorKind};

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

/// Makes one token request, and prints the class of the outcome and what to do about it.
pub(crate) async fn check(config: &Config) -> Result<ExitCode, Failure> {
    let mut out = io::stdout();
    let code = match config.tokens.token().await {
        Ok(_) => {
            let status = config.tokens.status();
            let left = status.remaining().unwrap_or_default().as_secs();
            let from = match status.token_requests() {
                0 => " (stored by an earlier request; none was made)",
                _ => "",
            };
            writeln!(out, "granted: token valid for {left} s{from}")?;
            ExitCode::SUCCESS
        }
        Err(error) => {
            writeln!(out, "{}: {}", error.kind().as_str(), one_line(&error))?;
            writeln!(out, "hint: {}", hint(&error))?;
            ExitCode::from(exit_code(error.kind()))
        }
    };
    if let OpenStore::Memory { why } = &config.store {
        writeln!(out, "note: nothing is stored for the next run: {why}")?;
    }
    Ok(code)
}

fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidSetting => 2,
        ErrorKind::Unavailable => 3,
        ErrorKind::InvalidResponse => 4,
        ErrorKind::Rejected => 5,
        ErrorKind::AccountLocked => 6,
        ErrorKind::Misconfigured => 7,
        ErrorKind::Forbidden => 8,
        ErrorKind::Unresolved => 9,
        ErrorKind::StoreUnavailable => 10,
        ErrorKind::AccountClosed => 11,
        _ => 1,
    }
}

fn hint(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidSetting => "correct the named setting",
        ErrorKind::Unavailable => {
            "check the address in ENKASH_BASE_URL, the network and the proxy, or retry later"
        }
        ErrorKind::InvalidResponse => {
            "the response from ENKASH_BASE_URL has no token: is it EnKash's token server?"
        }
        ErrorKind::Rejected => {
            "check the credentials in ENKASH_* before you run this again: \
             a third consecutive rejection locks the account"
        }
        ErrorKind::AccountLocked => "have EnKash unlock the account before you retry",
        ErrorKind::Misconfigured => {
            "check ENKASH_BASE_URL, and whether the product takes a password or merchant keys"
        }
        ErrorKind::Forbidden => {
            "ask EnKash whether this machine's address is allow-listed and the API enabled"
        }
        ErrorKind::Unresolved => {
            "EnKash may count this as a failed attempt: check the account before you retry"
        }
        ErrorKind::AccountClosed => {
            "check the account and the credentials, then run `enkash-sidecar reset`"
        }
        ErrorKind::StoreUnavailable => "check the directory or the server in ENKASH_TOKEN_STORE",
        _ => "run with RUST_LOG=debug for details",
    }
}
