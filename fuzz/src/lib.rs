//! The properties of all untrusted input, one module per kind of input.
//!
//! Each has a function `check` that takes any bytes and panics if a property is violated. The programs in
//! `targets` call it with the input of libFuzzer, the test in `tests` with that in `corpus`.
//!
//! An input is text, so that it can be read and written by hand; any other input is ignored.

pub mod challenge;
pub mod config;
pub mod expiry;
mod issuer;
pub mod proxy;
pub mod rejection;
pub mod response;
pub mod stored;
mod text;
