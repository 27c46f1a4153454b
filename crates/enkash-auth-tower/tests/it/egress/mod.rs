//! Egress: settings, and real sockets through a local proxy.

mod ca_file;
mod connect_proxy;
mod failures;
#[cfg(all(feature = "rustls-platform-verifier", target_os = "linux"))]
mod platform;
mod settings;
mod silent;
mod stage;
mod stream;
mod tls_front;
mod tunnel;
