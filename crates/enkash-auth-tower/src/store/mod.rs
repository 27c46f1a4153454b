//! Where tokens are shared and attempts recorded: for one process, one host or a fleet.

#[cfg(all(unix, feature = "file"))]
mod file;
mod leave;
mod memory;
mod on_store_down;
mod principal;
#[cfg(feature = "seal")]
mod seal;
mod stored_token;
mod token_store;

#[cfg(all(unix, feature = "file"))]
pub use self::file::FileStore;
pub use self::{
    leave::Leave,
    memory::MemoryStore,
    on_store_down::OnStoreDown,
    principal::Principal,
    stored_token::{Edition, StoredToken},
    token_store::{Begin, STORE_TIMEOUT, Standing, StoreFuture, Tally, TokenStore},
};
