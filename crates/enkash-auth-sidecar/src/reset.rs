use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use crate::{
    config::Config,
    failure::Failure,
    store::{OpenStore, TOKEN_STORE},
};

/// Shows the recorded attempts of the account, and clears them once confirmed.
pub(crate) async fn reset(
    config: &Config,
    is_confirmed: bool,
    allow_rejected: bool,
) -> Result<ExitCode, Failure> {
    if let OpenStore::Memory { .. } = &config.store {
        let why = "the memory of a process ends with it, so there is nothing to reset";
        return Err(Failure::setting(TOKEN_STORE, why));
    }
    let status = config.tokens.load_status().await?;
    let account = config.tokens.account().map(|account| account.to_string());
    let mut out = io::stdout();
    writeln!(
        out,
        "account {}: rejected attempts: {}, unresolved attempts: {}",
        account.unwrap_or_default(),
        status.strikes(),
        status.unresolved_attempts()
    )?;
    if !allow_rejected && status.strikes() + status.unresolved_attempts() == 0 {
        // Clears only rejections that were guessed.
        config.tokens.reset().await?;
        writeln!(out, "nothing to clear")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !is_confirmed && !confirm(&mut out)? {
        writeln!(out, "nothing was changed")?;
        return Ok(ExitCode::FAILURE);
    }
    if allow_rejected {
        config.tokens.allow_rejected().await?;
    } else {
        config.tokens.reset().await?;
    }
    writeln!(
        out,
        "cleared: every process on this store retries within 6 s"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Prompts, and returns whether the input is a yes. End of input is a no.
fn confirm(out: &mut impl Write) -> Result<bool, Failure> {
    write!(
        out,
        "EnKash keeps its own count and locks at three in a row. Clear the local record? [y/N] "
    )?;
    out.flush()?;
    let mut response = String::new();
    io::stdin().lock().read_line(&mut response)?;
    Ok(matches!(response.trim(), "y" | "Y" | "yes"))
}
