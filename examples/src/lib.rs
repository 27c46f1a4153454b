//! The pages of the repository, whose Rust code is compiled and run as documentation tests.

#[cfg(doctest)]
mod guide;

/// Compiles the README at the root.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;
