//! Stores account records: `memory` for one process, `file` for one host, another [`Store`] for a fleet.
//!
//! A [`Store`] is a register with compare-and-set. What a record means, and which attempt may be made, is
//! decided in `attempts`, the same for each store.

#[cfg(all(unix, feature = "file"))]
mod file;
mod memory;
mod queue;
#[expect(clippy::module_inception, reason = "named after the trait")]
mod store;
#[cfg(all(unix, feature = "file"))]
mod workers;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
pub use self::{
    memory::MemoryStore,
    queue::{Queue, Slot},
    store::{
        LONGEST_STORE_TIMEOUT, Liveness, Loaded, OnStoreDown, STORE_TIMEOUT, Store, StoreFuture,
        checked_timeout,
    },
};
