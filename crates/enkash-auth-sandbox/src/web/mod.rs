//! The issuer over HTTP.

mod answer;
mod api;
mod bearer;
mod broken;
mod control;
mod date;
mod echo;
mod fault;
mod form;
mod instead;
mod lifetime;
mod merchant;
mod page;
mod router;
mod service;
mod token;
mod told;
mod trap;

pub use self::router::router;
pub use self::service::{Disconnected, ResponseFuture, SandboxService};
