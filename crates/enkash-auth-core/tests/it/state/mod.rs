//! The life of a token, event by event.

mod change;
mod flights;
mod life;
mod tokens;
