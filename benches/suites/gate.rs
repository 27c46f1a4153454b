//! Checks the cost of the hot path, in figures that do not depend on the load of the machine, against
//! `limits.tsv`. Fails if a limit is exceeded, or is for a figure that is not measured.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --no-default-features --bench gate
//! ```

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Error, Write},
    process::ExitCode,
};

use enkash_auth_benches::{
    allocations,
    hot::{INSERT, WAYS},
    instructions,
};
use tokio::runtime::Builder;

const LIMITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/limits.tsv");

fn main() -> io::Result<ExitCode> {
    let (measured, mut code) = (measure()?, ExitCode::SUCCESS);
    for line in fs::read_to_string(LIMITS)?.lines() {
        if line.starts_with('#') {
            continue;
        }
        let bad = || Error::other(format!("limits.tsv: no figure, limit and reason: {line}"));
        let (name, rest) = line.split_once('\t').ok_or_else(bad)?;
        let (limit, reason) = rest.split_once('\t').ok_or_else(bad)?;
        let limit: f64 = limit.parse().map_err(|_| bad())?;
        let unknown = || Error::other(format!("limits.tsv: {name} is not measured"));
        let value = *measured.get(name).ok_or_else(unknown)?;
        let has_passed = value.is_nan() || value > limit;
        let verdict = if has_passed { "OVER" } else { "ok" };
        writeln!(
            io::stdout(),
            "{verdict}\t{name}\t{value:.3} of {limit}\t{reason}"
        )?;
        if has_passed {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

fn measure() -> io::Result<BTreeMap<String, f64>> {
    let instructions = instructions::over_the_first(&WAYS)?;
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let _inside = runtime.enter();
    let allocations = allocations::over_the_first(&WAYS);
    let insert = instructions.get(INSERT).copied().unwrap_or(f64::NAN);
    let mut measured = BTreeMap::new();
    for (way, (instructions, allocations)) in WAYS.iter().zip(instructions.iter().zip(allocations))
    {
        let name = format!("hot_path.{}", way.name);
        measured.insert(format!("{name}.instructions_ratio"), instructions / insert);
        measured.insert(format!("{name}.instructions"), *instructions);
        measured.insert(format!("{name}.allocations"), allocations);
    }
    Ok(measured)
}
