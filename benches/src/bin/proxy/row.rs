use std::{io, iter};

use enkash_auth_benches::time::median;
use enkash_auth_tower::BoxError;

use crate::{
    load::{LOADS, Load},
    proxy::Proxy,
    upstream::Upstream,
};

/// A proxy and its measurements.
pub(crate) struct Row {
    proxy: Proxy,
    /// Microseconds per call: of each load in turn, round by round.
    micros: Vec<f64>,
    /// Resident MiB after the first load.
    warm: f64,
    new_connections: f64,
}

impl Row {
    pub(crate) const HEAD: &str = "\
| | µs at 16 | over nginx | µs at 256 | over nginx | µs for 1 MiB down | µs for 1 MiB up | new connections at 512 | MiB warm | MiB at the end |
|---|---|---|---|---|---|---|---|---|---|";

    pub(crate) fn new(proxy: Proxy) -> Self {
        Self {
            proxy,
            micros: Vec::new(),
            warm: 0.0,
            new_connections: 0.0,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.proxy.name()
    }

    /// Measures a load.
    pub(crate) async fn measure(&mut self, load: &Load, calls: usize) -> Result<(), BoxError> {
        let callers = load.open(self.proxy.address().await?).await?;
        let (calls, before) = (load.of(calls), self.proxy.micros()?);
        load.call(callers, calls).await?;
        let spent = self.proxy.micros()? - before;
        if self.micros.is_empty() {
            self.warm = self.proxy.mebibytes()?;
        }
        self.micros.push(spent / calls as f64);
        Ok(())
    }

    /// Counts how many connections to the upstream are opened per call.
    pub(crate) async fn count_connections(
        &mut self,
        load: &Load,
        calls: usize,
        upstream: &Upstream,
    ) -> Result<(), BoxError> {
        let callers = load.open(self.proxy.address().await?).await?;
        let before = upstream.connections();
        load.call(callers, calls).await?;
        self.new_connections = (upstream.connections() - before) as f64 / calls as f64;
        Ok(())
    }

    /// Returns the row of the table.
    pub(crate) fn line(&self, base: Option<&Self>) -> io::Result<String> {
        let costs = (0..LOADS.len()).flat_map(|load| {
            let cost = format!("{:.1}", median(self.of(load).collect()));
            let ratio = (load < 2).then(|| format!("{:.2}", self.ratio(load, base)));
            iter::once(cost).chain(ratio)
        });
        let costs: Vec<_> = costs.collect();
        Ok(format!(
            "| {} | {} | {:.2} % | {:.1} | {:.1} |",
            self.name(),
            costs.join(" | "),
            self.new_connections * 100.0,
            self.warm,
            self.proxy.mebibytes()?,
        ))
    }

    /// Returns the named figures.
    pub(crate) fn figures(&self, base: Option<&Self>) -> [(&'static str, f64); 4] {
        [
            ("cpu_ratio", self.ratio(0, base)),
            ("cpu_ratio_256", self.ratio(1, base)),
            ("new_connections_512", self.new_connections),
            ("rss_mib", self.warm),
        ]
    }

    /// Returns the costs of the load at this index.
    fn of(&self, load: usize) -> impl Iterator<Item = f64> {
        self.micros.iter().copied().skip(load).step_by(LOADS.len())
    }

    /// Returns the median of the ratios within a round; not a number without a base.
    fn ratio(&self, load: usize, base: Option<&Self>) -> f64 {
        let ratio = |base: &Self| {
            let ratios = self.of(load).zip(base.of(load));
            median(ratios.map(|(cost, base)| cost / base).collect())
        };
        base.map_or(f64::NAN, ratio)
    }
}
