//! Implements the permit protocol: no token request is sent without a permit, and a permit is recorded
//! before it is used.
//!
//! 1. An attempt is in the store, or with [`OnStoreDown`](crate::OnStoreDown) in the witness of this
//!    process, before its credentials are sent.
//! 2. Its outcome is in the witness by the time its permit is dropped, whatever happens to the future
//!    that held it, and reaches the store with the next write.
//! 3. After every load, what this process witnessed is added before anything is decided.
//!
//! [`Attempts`] runs the protocol. It decides on a record that `records` loads and writes,
//! retrying on conflict: `opened` is that record with what this process witnessed added, `down` why there is
//! none. A [`Permit`] is the right to send once. [`Process`] keeps what was witnessed of each account, `seal`
//! encrypts the tokens in a record, and `record_polls` polls the record to notice its loss.

mod down;
mod fetch_context;
mod opened;
mod permit;
mod process;
mod protocol;
mod record_polls;
mod records;
mod seal;

pub use self::process::Process;
pub use self::{
    fetch_context::FetchContext,
    permit::{Permit, PermittedAttempt},
    protocol::Attempts,
    seal::StoredToken,
};
