//! The stores of account records: for one process, one host or a fleet.
//!
//! A [`Store`] is a register with compare-and-set. What a record means, and which attempt may be made, is
//! decided in `attempts`, the same for each store.

#[cfg(all(unix, feature = "file"))]
mod file;
mod memory;
mod on_store_down;
#[expect(clippy::module_inception, reason = "named after the trait")]
mod store;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
pub use self::{
    memory::MemoryStore,
    on_store_down::OnStoreDown,
    store::{Liveness, Loaded, STORE_TIMEOUT, Store, StoreFuture},
};
