//! The program `sidecar`, run as a process before a sandbox, over HTTP. It logs all it can: no
//! secret and no token may be among it, see `Stage::finish`.

pub(crate) mod ask;
mod boundary;
mod check;
mod crowd;
mod damage;
mod egress;
mod faults;
mod guard;
pub(crate) mod host;
mod lifetimes;
mod one_token;
mod probes;
pub(crate) mod process;
mod refusal;
mod secret_files;
mod settings;
pub(crate) mod stage;
mod stop;
mod store;
mod streams;
