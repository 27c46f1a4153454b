//! The classification of responses to token requests.

mod bodies;
mod cases;
mod failures;
mod grants;
mod rows;
mod support;
mod text;
