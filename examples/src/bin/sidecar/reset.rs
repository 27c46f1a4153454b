use std::{
    io::{self, BufRead, Write},
    process::ExitCode,
};

use enkash_auth_core::{Clock, SystemClock};
use enkash_auth_examples::OpenStore;

use crate::{config::Config, failure::Failure};

/// Shows the strikes of the account, asks whether to forget them, and does.
pub(crate) async fn reset(config: &Config, is_sure: bool) -> Result<ExitCode, Failure> {
    let OpenStore::Kept(store) = &config.store else {
        let why = "nothing outlives the process that made it, so there is nothing to reset";
        return Err(Failure::setting("ENKASH_TOKEN_STORE", why));
    };
    let standing = store.load(&config.principal, SystemClock.now()).await;
    let strikes = standing.map_err(Failure::Other)?.strikes;
    let mut out = io::stdout();
    writeln!(
        out,
        "account {}: refused attempts: {}, possible ones: {}",
        config.principal.account(),
        strikes.definite,
        strikes.possible
    )?;
    if strikes.definite + strikes.possible == 0 {
        writeln!(out, "nothing to forget")?;
        return Ok(ExitCode::SUCCESS);
    }
    if !is_sure && !asked(&mut out)? {
        writeln!(out, "nothing was changed")?;
        return Ok(ExitCode::FAILURE);
    }
    config.tokens.reset().await?;
    writeln!(
        out,
        "forgotten: whoever shares this store tries again within 5 s"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Whether somebody says yes. The end of the input is a no.
fn asked(out: &mut impl Write) -> Result<bool, Failure> {
    write!(
        out,
        "The server counts for itself and locks at three in a row. Forget them here? [y/N] "
    )?;
    out.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
