//! Instructions, a figure that is independent of load, as counted by the bench `instructions`.

use std::{
    io::{self, Error},
    process::{Command, Stdio},
};

use serde_json::{Deserializer, Value};

use crate::hot::Way;

/// The number of counted calls.
pub const CALLS: u32 = 1_000;

/// Where a summary of gungraun has the number of instructions.
const COUNT: &str = "/profiles/0/data/total/metrics/Ir/values/new";

/// Runs the bench, and returns for each way how many more instructions its call takes than one of the
/// first way.
///
/// # Errors
///
/// If the bench fails, as it does without `valgrind` or `gungraun-runner`, or does not count a way.
pub fn over_the_first(ways: &[Way]) -> io::Result<Vec<f64>> {
    let output = Command::new("cargo")
        .args(["bench", "--quiet", "--package", env!("CARGO_PKG_NAME")])
        .args((!cfg!(feature = "full")).then_some("--no-default-features"))
        .args(["--bench", "instructions", "--", "--output-format=json"])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(Error::other(format!("cargo bench: {}", output.status)));
    }
    let summaries: Vec<Value> = Deserializer::from_slice(&output.stdout)
        .into_iter()
        .collect::<Result<_, _>>()?;
    let per_call = |way: &Way| {
        let mut summaries = summaries.iter();
        let summary = summaries.find(|summary| summary["id"] == way.name);
        let count = summary.and_then(|summary| summary.pointer(COUNT)?.as_f64());
        let count = count.ok_or_else(|| Error::other(format!("{} is not counted", way.name)))?;
        Ok(count / f64::from(CALLS))
    };
    let counts: Vec<f64> = ways.iter().map(per_call).collect::<io::Result<_>>()?;
    let first = counts.first().copied().unwrap_or_default();
    Ok(counts.into_iter().map(|count| count - first).collect())
}
