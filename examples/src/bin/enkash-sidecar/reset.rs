use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use enkash_auth_examples::OpenStore;

use crate::{config::Config, failure::Failure};

/// Shows the attempts that count against the account, asks whether to clear them, and does.
pub(crate) async fn reset(
    config: &Config,
    is_sure: bool,
    allow_rejected: bool,
) -> Result<ExitCode, Failure> {
    if let OpenStore::Memory { .. } = &config.store {
        let why = "nothing outlives the process that made it, so there is nothing to reset";
        return Err(Failure::setting("ENKASH_TOKEN_STORE", why));
    }
    let status = config.tokens.load_status().await?;
    let mut out = io::stdout();
    writeln!(
        out,
        "account {}: rejected attempts: {}, unresolved ones: {}",
        config.tokens.account(),
        status.strikes(),
        status.unresolved_attempts()
    )?;
    if !allow_rejected && status.strikes() + status.unresolved_attempts() == 0 {
        // But for what was taken for a rejection by guess.
        config.tokens.reset().await?;
        writeln!(out, "nothing to clear")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !is_sure && !is_confirmed(&mut out)? {
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
        "cleared: all that share this store try again within 6 s"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Asks, and returns whether the input says yes. Its end is a no.
fn is_confirmed(out: &mut impl Write) -> Result<bool, Failure> {
    write!(
        out,
        "The server counts for itself and locks at three in a row. Clear them here? [y/N] "
    )?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
