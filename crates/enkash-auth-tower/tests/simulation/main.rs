//! A fleet in simulated time, on one thread.
//!
//! The replicas are real: caches, layers and fetches, each process on a runtime of its own whose clock is
//! paused, so that it can be stopped and killed. All else is simulated: the store, the network, the token
//! server, the operator. A seed decides everything that happens, so that a run can be repeated.
//!
//! It checks the permit protocol from outside, and shares none of its rules. `server` counts the failures
//! in a row as EnKash does; `history` states what must never happen, `exceptions` when it may, and `run` what must
//! happen once all faults have ended; `plan` is what a seed decides.
//!
//! ```text
//! cargo test -p enkash-auth-tower --test simulation                                   100 seeds
//! cargo test --release -p enkash-auth-tower --test simulation fleets -- --ignored     10,000
//! ENKASH_SEEDS=1000000 cargo test --release … fleets -- --ignored                     so many
//! ENKASH_SEEDS=10000..110000 cargo test --release … fleets -- --ignored               those
//! ENKASH_SEED=17 cargo test … fleets_keep_the_rules -- --exact --nocapture            one, and its trace
//! ```
//!
//! It can fail. Broken on purpose, the library is caught at the seed
//!
//! | rule | first seed |
//! |---|---|
//! | what a process witnessed is added to the record | 1 |
//! | an own attempt is ended after a write that failed | 1 |
//! | fingerprints outlive a success | 2 |
//! | the budget is two | 107 |
//! | a process makes one attempt without the store | 524 |
//! | a damaged record counts two | 656 |
//! | unresolved attempts do not age | 1889 |
//! | a lease is judged by two clocks, not by the store's alone | 2262 |
//! | a reset leaves an attempt that may still be carried out | 2582 |
#![expect(
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test fails by panicking, and a seed is shown by its trace"
)]

mod clock;
mod exceptions;
mod history;
mod many;
mod numbers;
mod path;
mod plan;
mod process;
mod run;
mod seeds;
mod server;
mod store;
mod world;

use self::seeds::{Seeds, check};

#[test]
fn fleets_keep_the_rules() {
    check(&Seeds::from_environment(100), run::run);
}

#[test]
#[ignore = "takes a minute or two in release"]
fn thousands_of_fleets_keep_the_rules() {
    check(&Seeds::from_environment(10_000), run::run);
}

#[test]
fn seed_makes_the_same_history_twice() {
    for seed in 0..20 {
        let [first, second] = [(); 2].map(|()| run::run(seed, true));
        assert!(first.log.len() > 10);
        assert_eq!(first.log, second.log, "of seed {seed}");
    }
}
