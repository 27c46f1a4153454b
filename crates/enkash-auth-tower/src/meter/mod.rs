//! Counts the events of a cache through the facade `metrics`: with the feature of that name only
//! (`recorded`, otherwise `silent`), and never for a request that finds a fresh token.

#[cfg(feature = "metrics")]
mod recorded;
#[cfg(not(feature = "metrics"))]
mod silent;

#[cfg(feature = "metrics")]
pub use self::recorded::Meter;
#[cfg(feature = "metrics")]
pub use self::recorded::describe_metrics;
#[cfg(not(feature = "metrics"))]
pub use self::silent::Meter;

/// Labels a fetch that was abandoned.
pub const ABANDONED: &str = "abandoned";
