//! The issuer over HTTP.

mod answer;
mod api;
mod bearer;
mod control;
mod date;
mod echo;
mod form;
mod lifetime;
mod merchant;
mod page;
mod router;
mod service;
mod token;
mod told;

pub use self::router::router;
pub use self::service::{Disconnected, ResponseFuture, SandboxService};
