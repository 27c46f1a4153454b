//! The life of a token, event by event.

mod behind;
mod change;
mod fetches;
mod life;
mod reuse;
mod tokens;
mod unauthorized;
mod views;
