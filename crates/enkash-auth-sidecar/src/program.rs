use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::{
    args::{Args, Command},
    check,
    config::Config,
    failure::Failure,
    log,
    probe::probe,
    reset, serve,
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
    match execute(&Args::read()) {
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if let Some(Command::Probe { live }) = args.command {
        let address = args.admin.as_ref().unwrap_or(&args.listen);
        let path = if live { "/-/live" } else { "/-/ready" };
        return runtime.block_on(probe(address, path, args.caller_key()?));
    }
    let config = Config::read(args)?;
    let outcome = match &args.command {
        Some(Command::Check { offline: true, .. }) => check::offline(),
        Some(Command::Check { account, .. }) => {
            runtime.block_on(check::check(&config, account.as_deref()))
        }
        Some(Command::Accounts) => runtime.block_on(reset::list(&config)),
        Some(Command::Reset(args)) => runtime.block_on(reset::reset(&config, args)),
        None | Some(Command::Probe { .. }) => runtime
            .block_on(serve::serve(config, args))
            .map(|()| ExitCode::SUCCESS),
    };
    // Does not wait for a blocked DNS lookup, which takes long if no name server responds.
    runtime.shutdown_background();
    outcome
}
