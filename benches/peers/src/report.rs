//! One figure per line.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Writes to standard output, and stores the first failure.
#[derive(Debug)]
pub(crate) struct Report(io::Result<()>);

impl Report {
    pub(crate) fn new() -> Self {
        Self(Ok(()))
    }

    /// Prints `peers.`, the peer and the figure, a tab, and the value.
    pub(crate) fn line(&mut self, name: &str, what: &str, value: impl Display) {
        if self.0.is_ok() {
            self.0 = writeln!(io::stdout(), "peers.{name}.{what}\t{value}");
        }
    }

    /// Returns the first failure to write.
    pub(crate) fn finish(self) -> io::Result<()> {
        self.0
    }
}

/// Returns the version of a crate from the lock file.
pub(crate) fn version(name: &str) -> Option<&'static str> {
    let name = format!("name = \"{name}\"");
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| **line == name)?;
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}
