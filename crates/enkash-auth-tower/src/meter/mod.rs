//! What a cache counts, through the facade `metrics`: with the feature of that name only, and never on
//! the way of a request that finds a fresh token.

#[cfg(feature = "metrics")]
mod recorded;
#[cfg(not(feature = "metrics"))]
mod silent;

#[cfg(feature = "metrics")]
pub use self::recorded::describe_metrics;
#[cfg(feature = "metrics")]
pub(crate) use self::recorded::{asked, fetched, replayed, skewed, standing, store_failed};
#[cfg(not(feature = "metrics"))]
pub(crate) use self::silent::{asked, fetched, replayed, skewed, store_failed};

/// The outcome of a flight that was given up.
pub(crate) const ABANDONED: &str = "abandoned";
