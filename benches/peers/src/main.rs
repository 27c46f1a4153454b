//! What ours is compared with: published crates, through their public API, on the same requests and in
//! the same run. Prints one `peers.<crate>.<figure><TAB>value` a line; the report of the benches asks it.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! ```

mod aws;
mod google;
mod huskarl;
mod middle;
mod moka;
mod service;
mod storms;
mod token_server;

use enkash_auth_benches::{
    allocations,
    hot::{WAYS, Way},
    scaling, time,
};
use tokio::runtime::Builder;
use tower::BoxError;

const ROUNDS: usize = 301;

/// The name in the library, and the name here.
const OURS: [(&str, &str); 3] = [
    ("insert", "insert"),
    ("kept", "enkash-auth"),
    ("hand_written", "hand-written"),
];

const PEERS: [Way; 5] = [
    Way {
        name: "aws-smithy-runtime",
        factory: aws::factory,
    },
    Way {
        name: "google-cloud-auth",
        factory: google::factory,
    },
    Way {
        name: "huskarl",
        factory: huskarl::factory,
    },
    Way {
        name: "middle",
        factory: middle::factory,
    },
    Way {
        name: "moka",
        factory: moka::factory,
    },
];

fn main() -> Result<(), BoxError> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    let mut ways = vec![WAYS[0]];
    for (way, name) in OURS {
        let known = WAYS.into_iter().find(|known| known.name == way);
        let Way { factory, .. } = known.ok_or("a way that the library does not know")?;
        ways.push(Way { name, factory });
    }
    ways.extend(PEERS);

    let nanos = time::over_the_first(&ways, ROUNDS);
    let allocations = allocations::over_the_first(&ways);
    for (at, way) in ways.iter().enumerate().skip(1) {
        print(way.name, "nanos", nanos[at]);
        print(way.name, "ratio", nanos[at] / nanos[1]);
        print(way.name, "allocations", allocations[at]);
        if let Some(scaling) = scaling::of_two_threads(way, ROUNDS) {
            print(way.name, "scaling", scaling);
        }
    }
    for (name, version) in versions() {
        println!("peers.{name}.version\t{version}");
    }
    runtime.block_on(storms::run());
    Ok(())
}

fn print(name: &str, figure: &str, value: f64) {
    println!("peers.{name}.{figure}\t{value:.2}");
}

/// Of the lock file.
fn versions() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lock = include_str!("../Cargo.lock");
    PEERS.iter().filter_map(move |peer| {
        let (_, after) = lock.split_once(&format!("name = \"{}\"\nversion = \"", peer.name))?;
        Some((peer.name, after.split('"').next()?))
    })
}
