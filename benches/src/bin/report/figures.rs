use std::io::{self, Write};

/// The measured figures, in order.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<(String, String)>);

impl Figures {
    /// Prints `value` and keeps it.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: f64) -> io::Result<()> {
        let is_whole = (value - value.round()).abs() < 1e-9;
        let decimals = if is_whole { 0 } else { 3 };
        self.add_text(name, format!("{value:.decimals$}"))
    }

    pub(crate) fn add_text(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> io::Result<()> {
        let (name, value) = (name.into(), value.into());
        writeln!(io::stdout(), "{name}\t{value}")?;
        self.0.push((name, value));
        Ok(())
    }

    /// Returns the figure as printed.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// Returns the middle parts of the names `first.….last`, in order.
    pub(crate) fn between(&self, first: &str, last: &str) -> Vec<&str> {
        let names = self.0.iter().map(|(name, _)| name);
        names
            .filter_map(|name| name.strip_prefix(first)?.strip_prefix('.'))
            .filter_map(|name| name.strip_suffix(last)?.strip_suffix('.'))
            .collect()
    }

    /// Returns all figures whose names begin with `first`.
    pub(crate) fn of(&self, first: &str) -> impl Iterator<Item = &(String, String)> {
        let figures = self.0.iter();
        figures.filter(move |(name, _)| name.split('.').next() == Some(first))
    }
}
