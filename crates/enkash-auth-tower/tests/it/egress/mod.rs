//! The way out: settings, and real sockets through a proxy of our own.

mod ca_file;
mod connect_proxy;
mod failures;
mod settings;
mod silent;
mod stage;
mod stream;
mod tls_front;
mod tunnel;
