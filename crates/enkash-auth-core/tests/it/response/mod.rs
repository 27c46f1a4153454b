//! What the response to a token request means.

mod bodies;
mod cases;
mod failures;
mod grants;
mod rows;
mod support;
mod text;
