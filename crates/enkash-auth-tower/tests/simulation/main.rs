//! A fleet in virtual time, on one thread.
//!
//! The replicas are real: caches, layers and flights, each on a runtime of its own whose clock is
//! paused. All else is simulated: the store behind them, the network, the issuer. One seed decides
//! everything that happens, so that it happens again.
//!
//! ```sh
//! ENKASH_SEEDS=1000000 cargo test --release -p enkash-auth-tower --test simulation -- --ignored
//! ENKASH_SEED=164 cargo test -p enkash-auth-tower --test simulation fleets -- --nocapture   # with its log
//! ```
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and a seed is told by its log"
)]

mod checks;
mod clock;
mod events;
mod issuer;
mod path;
mod plan;
mod recovery;
mod replica;
mod run;
mod seeds;
mod shelf;
mod store;
mod world;

use self::seeds::{Seeds, check};

#[test]
fn fleets_keep_the_rules() {
    check(&Seeds::from_environment(60));
}

#[test]
#[ignore = "takes a minute or two"]
fn thousands_of_fleets_keep_the_rules() {
    // In release, as by `.ci/run`: cargo test --release -p enkash-auth-tower --test simulation -- --ignored
    let seeds = if cfg!(debug_assertions) { 200 } else { 10_000 };
    check(&Seeds::from_environment(seeds));
}

#[test]
fn a_seed_makes_the_same_history_twice() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| run::run(seed, true));
        assert!(first.log.len() > 10);
        assert_eq!(first.log, second.log, "of seed {seed}");
    }
}
