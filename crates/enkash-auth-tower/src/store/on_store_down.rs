/// Says what a cache that needs a token does while its store is down.
///
/// In each case, credentials that this process has seen rejected are not sent, and its attempts reach the
/// store when that is back. A store whose record has a newer format counts as down, and is treated as with
/// [`Hold`](Self::Hold).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnStoreDown {
    /// Lets a process whose credentials are known good make one attempt that may count; then it waits.
    ///
    /// If the password has changed, each replica of a fleet makes one such attempt: three lock the account.
    #[default]
    KnownGood,
    /// Sends nothing: the fetch fails with
    /// [`StoreUnavailable`](enkash_auth_core::ErrorKind::StoreUnavailable).
    Hold,
    /// Goes by what this process alone has recorded, for as long as it lives: a budget for each process.
    Attempt,
}
