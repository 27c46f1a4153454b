use std::io;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

const VARIABLE: &str = "RUST_LOG";

/// Starts logging to standard error, filtered by the variable.
pub(crate) fn init() -> Result<(), Failure> {
    let directives = match std::env::var(VARIABLE) {
        Ok(directives) if !directives.trim().is_empty() => directives,
        _ => "info".to_owned(),
    };
    let filter = EnvFilter::builder()
        .parse(directives)
        .map_err(|error| Failure::setting(VARIABLE, error))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init()
        .map_err(Failure::Other)
}
