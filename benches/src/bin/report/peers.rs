use std::{
    io::{self, BufRead, BufReader, Error},
    process::{Command, Stdio},
};

use crate::figures::Figures;

/// The manifest of the peers' package, which is separate because of its dependencies.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/Cargo.toml");

pub(crate) fn measure(figures: &mut Figures) -> io::Result<()> {
    let mut run = Command::new("cargo")
        .args(["run", "--release", "--locked", "--manifest-path", MANIFEST])
        .stdout(Stdio::piped())
        .spawn()?;
    let lines = run.stdout.take().map(BufReader::new);
    for line in lines.into_iter().flat_map(BufRead::lines) {
        let line = line?;
        let (name, value) = line
            .split_once('\t')
            .ok_or_else(|| Error::other(format!("peers: no figure: {line}")))?;
        figures.add_text(name, value)?;
    }
    match run.wait()? {
        status if status.success() => Ok(()),
        status => Err(Error::other(format!("peers: {status}"))),
    }
}
