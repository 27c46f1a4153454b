//! Handlers for probes and people. They ask the cache how it stands, and fetch nothing.

mod live;
mod ready;
mod report;
mod status;

pub use self::{live::live, ready::ready, report::Report, status::status};
