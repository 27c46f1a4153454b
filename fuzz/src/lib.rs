//! What must hold of every input from outside, a module for each place where one comes in.
//!
//! Each has a function `check` that takes any bytes and panics where a property is broken. The programs
//! in `targets` feed it what libFuzzer makes up, the test in `tests` what is kept in `corpus`.
//!
//! An input is text, so that a person can read it and write one; what is not in that form is an input
//! of which nothing is asked.

pub mod challenge;
pub mod config;
pub mod expiry;
mod issuer;
pub mod proxy;
pub mod response;
pub mod stored;
mod text;
