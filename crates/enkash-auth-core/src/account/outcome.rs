/// Says how an attempt ended, as the strike budget sees it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the rules of the budget name each of them"
)]
pub enum AttemptOutcome {
    /// The server granted a token.
    Granted,
    /// The server did not count it: nothing was sent, or the response names another cause than the
    /// credentials.
    Uncounted,
    /// The server may have counted it.
    Unresolved {
        /// Whether a complete response arrived.
        complete: bool,
    },
    /// The server rejected the credentials.
    Rejected {
        /// Whether only the shape of the response says so, without a known error code or text.
        guessed: bool,
    },
    /// The server says that the account is locked.
    Locked,
}
