//! Failures as RFC 9457 has them, and whether the request was forwarded.

mod class;
mod document;
mod forwarded;
mod from_error;

pub use self::{class::class, document::Problem, forwarded::Forwarded};
