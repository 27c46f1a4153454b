//! Processes of many accounts, each of which caches fewer than are called.
//!
//! The caches and their layers are real, and run in paused time on one thread. `world` is all else, a database, a token
//! server and the API, but for the store, and states what must never happen: no third failure in a row, no password again that
//! the process has read to be rejected, one token request at a time for each account, no more than the limit for
//! all, no call with another account's token or an expired one, and no more accounts than the capacity. `run`
//! calls, changes and displaces the accounts, and then states what must happen once all faults have ended. There is no
//! exception.
//!
//! A seed decides all but which account is displaced: that depends on how the map hashes.

mod merchant;
mod plan;
mod run;
mod store;
mod world;

use super::seeds::{Seeds, check};

#[test]
fn accounts_keep_the_rules() {
    check(&Seeds::from_environment(8), run::run);
}

#[test]
#[ignore = "takes half a minute in release"]
fn accounts_of_hundreds_of_processes_keep_the_rules() {
    check(&Seeds::from_environment(500), run::run);
}
