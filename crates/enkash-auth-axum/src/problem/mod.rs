//! Failures as RFC 9457 has them, and whether the request was forwarded.

mod document;
mod forwarded;
mod from_error;

pub use self::{document::Problem, forwarded::Forwarded};
