//! Published crates that cache tokens, and ours, on the same requests in the same run.
//!
//! Prints one figure per line: `peers.<crate>.<figure>`, a tab, and the value. See the README beside it.

mod aws;
mod google;
mod hot;
mod huskarl;
mod loopback;
mod middle;
mod moka;
mod peer;
mod report;
mod storms;

use std::io::{self, Write};

use enkash_auth_benches::{
    hot::Way,
    storm::{HandWritten, Ours},
};
use tokio::runtime::Runtime;

use self::{
    aws::Aws,
    google::{Google, Tagged},
    huskarl::Huskarl,
    middle::Middle,
    moka::Moka,
    peer::{Cold, Peer, Stormed},
    report::Report,
};

/// The crates whose versions are reported; for ours, the one with the layer.
const CRATES: [(&str, &str); 6] = [
    ("enkash-auth", "enkash-auth-tower"),
    ("aws-smithy-runtime", "aws-smithy-runtime"),
    ("google-cloud-auth", "google-cloud-auth"),
    ("huskarl", "huskarl"),
    ("middle", "middle"),
    ("moka", "moka"),
];

fn main() -> io::Result<()> {
    let mut report = Report::new();
    for (name, package) in CRATES {
        let version = report::version(package).unwrap_or("unknown");
        report.line(name, "version", version);
    }
    let runtime = Runtime::new()?;
    let inside = runtime.enter();
    let mut ways = hot::base();
    let peers = [
        (Aws::<false>::NAME, peer::way::<Aws<false>>()),
        (Aws::<true>::NAME, peer::way::<Aws<true>>()),
        (Google::NAME, peer::way::<Google>()),
        (Tagged::NAME, peer::way::<Tagged>()),
        (Huskarl::NAME, peer::way::<Huskarl>()),
        (Middle::NAME, peer::way::<Middle>()),
        (Moka::NAME, peer::way::<Moka>()),
    ];
    for (name, way) in peers {
        match way {
            Ok(way) => ways.push(way),
            Err(error) => writeln!(io::stderr(), "{name}: left out: {error}")?,
        }
    }
    hot::report(&ways, &mut report);
    drop(inside);
    runtime.block_on(async {
        storms::report::<Ours>(&mut report).await;
        storms::report::<HandWritten>(&mut report).await;
        storm::<Aws<false>>(&ways, &mut report).await;
        storm::<Google>(&ways, &mut report).await;
        storm::<Huskarl>(&ways, &mut report).await;
        storm::<Moka>(&ways, &mut report).await;
    });
    report.finish()
}

/// Runs the storm of a peer that had a token before.
async fn storm<P: Cold>(ways: &[Way], report: &mut Report) {
    if ways.iter().any(|way| way.name == P::NAME) {
        storms::report::<Stormed<P>>(report).await;
    }
}
