use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use enkash_auth_tower::{Accounts, Error, Status};

use crate::{
    account_files::AccountFiles,
    args::Reset,
    config::Config,
    failure::{Failure, one_line},
    store::{OpenStore, TOKEN_STORE},
    tokens::Tokens,
};

const CLEARED: &str = "cleared: every process on this store retries within 6 s";

/// Shows the recorded attempts of the account, and clears them once confirmed.
pub(crate) async fn reset(config: &Config, args: &Reset) -> Result<ExitCode, Failure> {
    let account = args.account.as_deref();
    if let OpenStore::Memory { .. } = &config.store {
        let why = "the memory of a process ends with it, so there is nothing to reset";
        return Err(Failure::setting(TOKEN_STORE, why));
    }
    if let (Tokens::Many(accounts, files), None, false) =
        (&config.tokens, account, args.allow_rejected)
    {
        return reset_unresolved(accounts, files, args.yes).await;
    }
    let tokens = config.tokens.one(account)?;
    let status = tokens.load_status().await?;
    let account = tokens.account().map(|account| account.to_string());
    let mut out = io::stdout();
    writeln!(
        out,
        "account {}: {}",
        account.unwrap_or_default(),
        attempts(&status)
    )?;
    if !args.allow_rejected && status.strikes() + status.unresolved_attempts() == 0 {
        // Clears only rejections that were guessed.
        tokens.reset().await?;
        writeln!(out, "nothing to clear")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes && !confirm(&mut out)? {
        return Ok(ExitCode::FAILURE);
    }
    if args.allow_rejected {
        tokens.allow_rejected().await?;
    } else {
        tokens.reset().await?;
    }
    writeln!(out, "{CLEARED}")?;
    Ok(ExitCode::SUCCESS)
}

/// Clears the attempts of the accounts that have only unresolved ones.
async fn reset_unresolved(
    accounts: &Accounts<String>,
    files: &AccountFiles,
    is_confirmed: bool,
) -> Result<ExitCode, Failure> {
    let mut out = io::stdout();
    let (troubled, _) = troubled(accounts, files).await?;
    let is_unresolved = |status: &Status| status.strikes() == 0;
    let unresolved = troubled
        .iter()
        .filter(|(_, status)| status.as_ref().is_ok_and(is_unresolved));
    for (id, _) in unresolved.clone() {
        writeln!(out, "{id}")?;
    }
    if unresolved.count() == 0 {
        writeln!(out, "nothing to clear")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !is_confirmed && !confirm(&mut out)? {
        return Ok(ExitCode::FAILURE);
    }
    accounts.reset_unresolved().await?;
    writeln!(out, "{CLEARED}")?;
    Ok(ExitCode::SUCCESS)
}

/// Lists the accounts that are in trouble.
pub(crate) async fn list(config: &Config) -> Result<ExitCode, Failure> {
    let Tokens::Many(accounts, files) = &config.tokens else {
        return Err(Failure::setting("--accounts", "not set"));
    };
    let mut out = io::stdout();
    let (troubled, count) = troubled(accounts, files).await?;
    for (id, status) in &troubled {
        match status {
            Ok(status) => writeln!(out, "{id}: {}", attempts(status))?,
            Err(error) => writeln!(out, "{id}: {}", one_line(error))?,
        }
    }
    writeln!(out, "{count} accounts, {} in trouble", troubled.len())?;
    Ok(ExitCode::SUCCESS)
}

/// Loads the records of many accounts, and returns those in trouble, with how many there are.
async fn troubled(
    accounts: &Accounts<String>,
    files: &AccountFiles,
) -> Result<(Vec<(String, Result<Status, Error>)>, usize), Failure> {
    let ids = files.ids()?;
    let count = ids.len();
    let mut troubled = Vec::new();
    for id in ids {
        let status = accounts.get(&id)?.load_status().await;
        let counted = |status: &Status| status.strikes() + status.unresolved_attempts();
        if status.as_ref().map_or(1, counted) > 0 {
            troubled.push((id, status));
        }
    }
    Ok((troubled, count))
}

fn attempts(status: &Status) -> String {
    let (rejected, unresolved) = (status.strikes(), status.unresolved_attempts());
    format!("rejected attempts: {rejected}, unresolved attempts: {unresolved}")
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
    let is_yes = matches!(response.trim(), "y" | "Y" | "yes");
    if !is_yes {
        writeln!(out, "nothing was changed")?;
    }
    Ok(is_yes)
}
