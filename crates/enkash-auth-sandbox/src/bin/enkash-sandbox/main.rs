//! `enkash-sandbox`: EnKash's token server for people without credentials.

mod args;
mod credentials;
mod help;
mod rules;
mod signals;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use self::args::Args;

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If even standard error is gone, the exit code still tells.
            let _ = writeln!(io::stderr(), "enkash-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(serve(args))
}

async fn serve(args: &Args) -> io::Result<()> {
    let asked_to_stop = signals::asked_to_stop()?;
    let sandbox = args.sandbox().start().await?;
    if let (Some(file), Some(authority)) = (&args.ca_file, sandbox.certificate_authority()) {
        std::fs::write(file, authority.pem())?;
    }
    let mut stdout = io::stdout();
    writeln!(stdout, "listening on {}", sandbox.base_url())?;
    stdout.flush()?;
    asked_to_stop.await;
    sandbox.shutdown().await;
    Ok(())
}
