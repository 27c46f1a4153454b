//! The measured services and baselines, shared by the benches, the report and the comparison with peers,
//! so that all of them measure the same. What the gate needs builds without the feature `full`.

#[cfg(feature = "full")]
pub mod accounts;
pub mod allocations;
#[cfg(feature = "full")]
pub mod end_to_end;
pub mod hot;
pub mod instructions;
pub mod issuer;
pub mod request;
#[cfg(feature = "full")]
pub mod rotation;
pub mod scaling;
#[cfg(feature = "full")]
pub mod storm;
pub mod time;
