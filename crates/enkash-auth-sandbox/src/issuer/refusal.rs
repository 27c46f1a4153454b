/// Why an attempt got no token.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No HTTP Basic, or one that cannot be read.
    NoClient,
    /// The client or its secret is wrong.
    WrongClient,
    /// The `API-Key` header is required and absent or wrong.
    WrongApiKey,
    /// The user or its password is wrong.
    WrongUser,
    /// The merchant's key or its secret is wrong.
    WrongMerchant,
    /// The refresh token is unknown, over, or another client's.
    WrongRefreshToken(String),
    /// Too many refusals in a row.
    Locked,
    /// The request itself is not one: what is wrong with it.
    Malformed(&'static str),
    /// A grant type that is not offered.
    UnsupportedGrant(String),
}

impl Refusal {
    /// Whether it counts against the account.
    pub(crate) fn is_strike(&self) -> bool {
        matches!(
            self,
            Self::WrongClient | Self::WrongUser | Self::WrongMerchant
        )
    }
}
