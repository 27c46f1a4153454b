//! A fleet in virtual time, on one thread.
//!
//! The replicas are real: caches, layers and flights, each process on a runtime of its own whose clock
//! is paused, so that it can be stopped and killed. All else is simulated: the store (over the real
//! ledger), the network, the issuer, the operator. One seed decides everything that happens, so that it
//! happens again. `checks` says what must never happen, `recovery` what must; `plan` what a seed
//! decides.
//!
//! ```text
//! cargo test -p enkash-auth-tower --test simulation                            100 seeds
//! cargo test --release -p enkash-auth-tower --test simulation -- --ignored     10,000: half a minute
//! ENKASH_SEEDS=1000000 cargo test --release … -- --ignored                     so many
//! ENKASH_SEED=17 cargo test … fleets_keep_the_rules -- --exact --nocapture     one, and its log
//! ```
//!
//! It can fail. Broken on purpose, the library is caught at the seed
//!
//! | bug | first seed |
//! |---|---|
//! | the gate asks the record of the process, not the store | 0 |
//! | a lease is not looked at | 0 |
//! | a lifetime counts from the answer, without a guard | 0 |
//! | a pause never ends | 0 |
//! | a refusal is settled as harmless | 4 |
//! | a success pardons credentials that were refused before it | 5 |
//! | a flight sends after its deadline | 16 |
//! | what the store could not be told is forgotten | 95 |
//! | the refusal of a late holder is dropped | 491 |
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
    check(&Seeds::from_environment(100));
}

#[test]
#[ignore = "takes a minute or two"]
fn thousands_of_fleets_keep_the_rules() {
    let seeds = if cfg!(debug_assertions) { 200 } else { 10_000 };
    check(&Seeds::from_environment(seeds));
}

#[test]
fn what_an_abandoned_flight_learns_keeps_the_next_from_sending() {
    // It stands still with a request on, and learns of the refusal when the next has asked for leave.
    let run = run::run(39_005, false);
    assert!(run.outcome.is_ok(), "{:?}", run.outcome);
}

#[test]
fn a_seed_makes_the_same_history_twice() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| run::run(seed, true));
        assert!(first.log.len() > 10);
        assert_eq!(first.log, second.log, "of seed {seed}");
    }
}
