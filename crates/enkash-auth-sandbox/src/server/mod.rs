//! The issuer on a socket.

mod accept;
mod builder;
mod sandbox;

pub use self::builder::SandboxBuilder;
pub use self::sandbox::Sandbox;
