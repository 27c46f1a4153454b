//! `enkash-sandbox`: EnKash's token server for people without credentials.

mod args;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use enkash_auth_sandbox::Sandbox;

use self::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even standard error is gone, the exit code still tells.
            let _ = writeln!(io::stderr(), "enkash-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(args))
}

async fn serve(args: Args) -> io::Result<()> {
    let sandbox = Sandbox::builder()
        .issuer(args.issuer())
        .listen(args.listen)
        .start()
        .await?;
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", sandbox.base_url())?;
    stdout.flush()?;
    asked_to_stop().await?;
    sandbox.shutdown().await;
    Ok(())
}

#[cfg(unix)]
async fn asked_to_stop() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn asked_to_stop() -> io::Result<()> {
    tokio::signal::ctrl_c().await
}
