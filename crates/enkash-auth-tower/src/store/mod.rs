//! Where tokens are shared and attempts recorded: for one process, one host or a fleet.

#[cfg(all(unix, feature = "file"))]
mod file;
mod leave;
mod memory;
mod on_store_down;
mod principal;
#[cfg(feature = "seal")]
mod seal;
mod token_store;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
pub use self::{
    leave::Leave,
    memory::MemoryStore,
    on_store_down::OnStoreDown,
    principal::Principal,
    token_store::{
        Begin, Edition, STORE_TIMEOUT, Standing, StoreFuture, StoredToken, Tally, TokenStore,
    },
};
