use std::{
    io::{self, Error},
    process::Command,
    time::Instant,
};

use crate::figures::Figures;

const CRATE: &str = "enkash-auth-tower";

/// Measures how many crates `enkash-auth-tower` depends on, and the time of a clean build.
pub(crate) fn measure(figures: &mut Figures) -> io::Result<()> {
    for (name, features) in [("default", &[][..]), ("bare", &["--no-default-features"])] {
        figures.add(format!("build.{name}.crates"), crates(features)? as f64)?;
        figures.add(format!("build.{name}.seconds"), seconds(features)?)?;
    }
    Ok(())
}

fn crates(features: &[&str]) -> io::Result<usize> {
    let mut tree = Command::new("cargo");
    tree.args(["tree", "--package", CRATE, "--edges", "normal,build"]);
    tree.args(["--prefix", "none", "--no-dedupe", "--format", "{p}"]);
    let output = tree.args(features).output()?;
    let mut lines: Vec<_> = output.stdout.split(|byte| *byte == b'\n').collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines.into_iter().filter(|line| !line.is_empty()).count())
}

#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is the real time"
)]
fn seconds(features: &[&str]) -> io::Result<f64> {
    let target = tempfile::tempdir()?;
    let mut build = Command::new("cargo");
    build
        .args(["build", "--quiet", "--package", CRATE])
        .args(features);
    build.env("CARGO_TARGET_DIR", target.path());
    let start = Instant::now();
    match build.status()? {
        status if status.success() => Ok(start.elapsed().as_secs_f64()),
        status => Err(Error::other(format!("cargo build: {status}"))),
    }
}
