use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;

use crate::{
    args::{Args, Command},
    check,
    config::Config,
    failure::Failure,
    log, reset, serve,
};

/// Runs the program with the arguments, variables and standard streams of this process. Returns its
/// exit code.
///
/// It creates its own runtime, installs the global subscriber of `tracing`, and handles SIGTERM and
/// Ctrl-C. `--help` and invalid arguments end the process.
///
/// # Panics
///
/// Inside a tokio runtime.
pub fn run() -> ExitCode {
    match execute(&Args::parse()) {
        Ok(code) => code,
        Err(failure) => {
            // If standard error is closed, the exit code remains.
            let _ = writeln!(io::stderr(), "sidecar: {failure}");
            failure.exit_code()
        }
    }
}

fn execute(args: &Args) -> Result<ExitCode, Failure> {
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
    // Does not wait for a blocked DNS lookup, which takes long if no name server responds.
    runtime.shutdown_background();
    outcome
}
