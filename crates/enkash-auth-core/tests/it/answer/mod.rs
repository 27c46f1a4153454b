//! What the answer to a token request means.

mod grants;
mod refusals;
mod rows;
mod support;
mod text;
