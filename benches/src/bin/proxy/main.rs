//! The sidecar beside nginx and HAProxy: what a call costs a proxy that adds a fixed `Authorization`.
//!
//! ```sh
//! apt-get install --no-install-recommends nginx-light haproxy
//! cargo build --release -p enkash-auth-sidecar
//! cargo run --release -p enkash-auth-benches --bin proxy -- target/release/enkash-sidecar
//! ```
//!
//! Each runs as a process with one thread for connections, on loopback, before the same server, without an access
//! log; the sidecar also as it comes, with a thread per processor. Callers and server are in this process. Every
//! round has every proxy. A cost is the processor time of the proxy's process over its calls, the median of the
//! rounds, and so depends little on other load.
//!
//! It prints a table, and `name<TAB>value` for the sidecar with one thread: `proxy.cpu_ratio` and
//! `proxy.cpu_ratio_256` are medians of its cost over nginx's in the same round, at 16 and 256 connections;
//! `proxy.new_connections_512` is new upstream connections per call at 512; `proxy.rss_mib` is the resident memory after
//! the first load, of 16 connections. A proxy that is not installed is left out.

#![expect(clippy::print_stderr, reason = "what is not installed is said there")]

mod load;
mod proxy;
mod row;
mod upstream;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::Parser;
use enkash_auth_sandbox::Sandbox;
use enkash_auth_tower::BoxError;

use self::{
    load::{CROWD, LOADS},
    proxy::Proxy,
    row::Row,
    upstream::Upstream,
};

/// Callers, their ends at the server, and those of each proxy's idle connections.
const FILES: u64 = 16 * 1024;

/// The sidecar beside nginx and HAProxy
#[derive(Clone, Debug, Parser)]
#[command(name = "proxy")]
struct Args {
    /// The sidecar's binary
    #[arg(default_value = "target/release/enkash-sidecar")]
    sidecar: PathBuf,
    /// Rounds, each with every proxy
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Small calls per proxy and round; of those with 1 MiB, a twentieth
    #[arg(long, default_value_t = 20_000)]
    calls: usize,
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let args = Args::parse();
    rlimit::increase_nofile_limit(FILES)?;
    let upstream = Upstream::start().await?;
    let sandbox = Sandbox::start().await?;
    let dir = tempfile::tempdir()?;
    let mut rows = Vec::new();
    for proxy in [
        Proxy::nginx(dir.path(), upstream.address()),
        Proxy::sidecar(&args.sidecar, &sandbox.base_url(), upstream.address(), true),
        Proxy::sidecar(
            &args.sidecar,
            &sandbox.base_url(),
            upstream.address(),
            false,
        ),
        Proxy::haproxy(dir.path(), upstream.address()),
    ] {
        match proxy {
            Ok(proxy) => rows.push(Row::new(proxy)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("left out: {error}");
            }
            Err(error) => return Err(error.into()),
        }
    }
    for _ in 0..args.rounds {
        for row in &mut rows {
            for load in &LOADS {
                row.measure(load, args.calls).await?;
            }
        }
    }
    for row in &mut rows {
        row.count_connections(&CROWD, args.calls, &upstream).await?;
    }
    let mut out = io::stdout();
    writeln!(out, "{}", Row::HEAD)?;
    let base = rows.first().filter(|row| row.name() == "nginx");
    for row in &rows {
        writeln!(out, "{}", row.line(base)?)?;
    }
    if let Some(row) = rows.iter().find(|row| row.name() == "enkash-sidecar") {
        for (name, value) in row.figures(base) {
            writeln!(out, "proxy.{name}\t{value:.3}")?;
        }
    }
    Ok(())
}
