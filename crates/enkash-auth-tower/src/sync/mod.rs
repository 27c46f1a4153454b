//! Names every primitive that synchronises, so that another implementation can replace them: `real` are
//! those of std; with `--cfg enkash_loom`, the tests that are named `model` run on loom's.

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/sync.rs"]
mod modelled;
#[cfg(not(all(test, enkash_loom)))]
mod real;

#[cfg(all(test, enkash_loom))]
pub use self::modelled::*;
#[cfg(not(all(test, enkash_loom)))]
pub use self::real::*;
