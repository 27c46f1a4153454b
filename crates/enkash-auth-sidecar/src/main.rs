//! The program `enkash-sidecar`.

use std::process::ExitCode;

fn main() -> ExitCode {
    enkash_auth_sidecar::run()
}
