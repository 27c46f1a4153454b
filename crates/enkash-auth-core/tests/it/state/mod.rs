//! The life of a token, event by event.

mod behind;
mod change;
mod flights;
mod known;
mod life;
mod refused;
mod reuse;
mod tokens;
