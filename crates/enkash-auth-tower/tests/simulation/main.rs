//! A fleet in virtual time, on one thread.
//!
//! The replicas are real: caches, layers and flights, each on a runtime of its own whose clock is
//! paused. All else is simulated: the store behind them, the network, the issuer. One seed decides
//! everything that happens, so that it happens again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

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
fn three_hundred_fleets_keep_the_rules() {
    check(&Seeds::from_environment(300));
}

#[test]
#[ignore = "takes a minute or two"]
fn ten_thousand_fleets_keep_the_rules() {
    check(&Seeds::from_environment(10_000));
}

#[test]
fn a_seed_makes_the_same_history_twice() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| run::run(seed, true));
        assert!(first.log.len() > 10);
        assert_eq!(first.log, second.log, "of seed {seed}");
    }
}
