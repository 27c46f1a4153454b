//! What the answer to a token request means.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod grants;
mod refusals;
mod rows;
mod support;
mod text;
