//! Egress: settings, and real sockets through a local proxy.

mod ca_file;
mod connect_proxy;
mod failures;
mod settings;
mod silent;
mod stage;
mod stream;
mod tls_front;
mod tunnel;
