//! The life of a token, event by event.

mod change;
mod doubt;
mod failed_refresh;
mod fetches;
mod life;
mod reuse;
mod tokens;
mod unauthorized;
mod views;
