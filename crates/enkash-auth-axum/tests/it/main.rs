//! The proxy and the handlers, from outside.

mod bodies;
mod failures;
mod forwarding;
mod health;
mod support;
