//! Instructions, a figure that is independent of load. Counted by callgrind in a copy of this process, so
//! `valgrind` must be installed and [`run_if_asked`] must come first in `main`.

use std::{
    env, fmt,
    io::{self, Error},
    process::Command,
};

use tokio::runtime::Builder;

use crate::{
    hot::{WAYS, Way},
    request::request,
};

const ASK: &str = "--calls-by";

/// Makes calls and returns `true` if this process is such a copy.
pub fn run_if_asked() -> io::Result<bool> {
    let mut args = env::args().skip(1);
    if args.next().as_deref() != Some(ASK) {
        return Ok(false);
    }
    let name = args.next().unwrap_or_default();
    let way = WAYS.iter().find(|way| way.name == name);
    let way = way.ok_or_else(|| Error::other(format!("no way is called {name}")))?;
    let number: u64 = args
        .next()
        .unwrap_or_default()
        .parse()
        .map_err(Error::other)?;
    let runtime = Builder::new_current_thread().enable_time().build()?;
    let _inside = runtime.enter();
    let mut run = (way.factory)()();
    for _ in 0..number {
        run(vec![request()]);
    }
    Ok(true)
}

/// Returns for each way how many more instructions its call takes than one of the first way.
///
/// # Errors
///
/// If valgrind cannot be started, or its output is not understood.
pub fn over_the_first(ways: &[Way]) -> io::Result<Vec<f64>> {
    let counts: Vec<f64> = ways.iter().map(per_call).collect::<io::Result<_>>()?;
    let first = counts.first().copied().unwrap_or_default();
    Ok(counts.into_iter().map(|count| count - first).collect())
}

/// Subtracts two counts, which both contain the one-time work and that of the first calls.
fn per_call(way: &Way) -> io::Result<f64> {
    let (few, many) = (1_000, 2_000);
    let more = count(way, many)?.saturating_sub(count(way, few)?);
    Ok(more as f64 / (many - few) as f64)
}

fn count(way: &Way, calls: u64) -> io::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([ASK, way.name, &calls.to_string()])
        .output()
        .map_err(|error| Error::new(error.kind(), format!("valgrind: {error}")))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said
        .lines()
        .find_map(|line| line.split("Collected :").nth(1));
    counted
        .and_then(|counted| counted.trim().parse().ok())
        .ok_or_else(|| Error::other(NotCounted(way.name, said.into_owned())))
}

#[derive(Debug)]
struct NotCounted(&'static str, String);

impl fmt::Display for NotCounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "callgrind counted nothing of {}: {}", self.0, self.1)
    }
}

impl std::error::Error for NotCounted {}
