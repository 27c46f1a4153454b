//! The measured services and baselines, shared by the benches, the report and the comparison with peers,
//! so that all of them measure the same.

pub mod accounts;
pub mod allocations;
pub mod hot;
pub mod instructions;
pub mod issuer;
pub mod request;
pub mod rotation;
pub mod scaling;
pub mod storm;
pub mod time;
