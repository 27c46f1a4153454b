//! The control API: what a test does with methods, over HTTP.

mod body;
mod clock;
mod faults;
mod routes;
mod rules;

pub(crate) use self::routes::{routes, unknown};
