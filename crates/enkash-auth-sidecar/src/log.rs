use std::{collections::BTreeMap, io, mem, sync::Mutex};

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, fmt::writer::MakeWriterExt};

use crate::failure::Failure;

const VARIABLE: &str = "RUST_LOG";

/// How many warnings of one place are written per period: a caller can cause as many as it likes.
const MAX_WARNINGS: u64 = 10;

/// How many warnings there were in this period, by their place in the code.
static WARNINGS: Mutex<BTreeMap<&str, u64>> = Mutex::new(BTreeMap::new());

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
        .with_writer(io::stderr.with_filter(is_within_limit))
        .try_init()
        .map_err(Failure::other)
}

/// Begins the next period. Logs how many warnings the last one left out.
pub(crate) fn next_period() {
    let ended = WARNINGS
        .lock()
        .map(|mut warnings| mem::take(&mut *warnings));
    for (place, count) in ended.unwrap_or_default() {
        if let Some(left_out @ 1..) = count.checked_sub(MAX_WARNINGS) {
            tracing::warn!(place, left_out, "too many warnings of one kind");
        }
    }
}

fn is_within_limit(event: &Metadata<'_>) -> bool {
    if *event.level() != Level::WARN {
        return true;
    }
    // Nothing that holds it panics.
    let Ok(mut warnings) = WARNINGS.lock() else {
        return true;
    };
    let count = warnings.entry(event.name()).or_default();
    *count += 1;
    *count <= MAX_WARNINGS
}
