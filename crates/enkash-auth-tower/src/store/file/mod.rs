//! A store in a directory, for the processes of one host, across restarts.
//!
//! An account has a file of strikes, a file of tokens for each set of credentials, a lock that is
//! held while they are read and written, and a lease that is held while an attempt is on.

mod account;
mod disk;
mod lease;
mod store;

pub use self::store::FileStore;
