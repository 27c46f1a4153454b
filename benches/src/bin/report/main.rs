//! Measures, and prints one `name<TAB>value` per line.
//!
//! ```sh
//! cargo run --release -p enkash-auth-benches --bin report -- --quick
//! ```
//!
//! `--quick` measures the promised figures, in less than 50 s. Without it, all figures of `BENCHMARKS.md`
//! are measured, which takes a few minutes and needs the network for the packages of the peers; the
//! tables there and the plots in `benches/plots` are rewritten. `--accounts 100000` measures the section on many
//! accounts alone, with so many, and rewrites it.
//!
//! Names end in the unit: `nanos`, `millis` and `seconds`, a `ratio` to the insertion of a ready header
//! or as stated on the page, `scaling` of two threads over one. The rest are counts.

#![expect(clippy::print_stderr, reason = "what cannot be measured is said there")]

mod compile;
mod figures;
mod measure;
mod peers;
mod plots;
mod tables;

use std::{env, io, process::ExitCode};

use enkash_auth_benches::hot::WAYS;

use self::figures::Figures;

fn main() -> io::Result<ExitCode> {
    let mut figures = Figures::default();
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--quick"] => quick(&mut figures)?,
        ["--accounts", accounts] => {
            many(&mut figures, accounts.parse().map_err(io::Error::other)?)?;
        }
        [] => full(&mut figures)?,
        _ => {
            eprintln!("usage: report [--quick | --accounts N]");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn quick(figures: &mut Figures) -> io::Result<()> {
    let ways = WAYS.map(|way| {
        ["bare", "insert", "kept", "cloned", "replay"]
            .contains(&way.name)
            .then_some(way)
    });
    let ways: Vec<_> = ways.into_iter().flatten().collect();
    measure::hot_path(figures, &ways)?;
    measure::contention(figures, &["kept", "cloned"])?;
    measure::storms(figures)?;
    measure::aftermaths(figures)?;
    measure::rotation(figures, 31)
}

fn full(figures: &mut Figures) -> io::Result<()> {
    measure::hot_path(figures, &WAYS)?;
    measure::contention(figures, &WAYS.map(|way| way.name))?;
    measure::storms(figures)?;
    measure::aftermaths(figures)?;
    measure::retries(figures)?;
    measure::by_hand(figures)?;
    measure::rotation(figures, 31)?;
    let renewal = measure::latencies(figures)?;
    measure::end_to_end(figures)?;
    compile::measure(figures)?;
    peers::measure(figures)?;
    plots::draw(figures, &renewal)?;
    tables::write(figures)?;
    many(figures, 100_000)
}

fn many(figures: &mut Figures, accounts: u64) -> io::Result<()> {
    measure::hits(figures, accounts)?;
    measure::heap(figures, accounts)?;
    // Last: it pauses the time of the process.
    let loads = measure::loads(figures, accounts)?;
    plots::loads(&loads)?;
    tables::write_accounts(figures)
}
