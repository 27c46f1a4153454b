//! The issuer on a socket.

mod accept;
mod authority;
mod builder;
mod sandbox;
#[cfg(feature = "tls")]
mod tls;
mod transport;

pub use self::authority::CertificateAuthority;
pub use self::builder::SandboxBuilder;
pub use self::sandbox::Sandbox;
#[cfg(feature = "tls")]
pub use self::tls::Tls;
