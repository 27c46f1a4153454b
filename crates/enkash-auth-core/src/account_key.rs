use std::fmt;

use crate::hex::Hex;

/// Identifies one account at one server: the unit of a lock-out, whatever the password.
///
/// SHA-256 of the base address, the client id and the user name (or the access key). It survives a
/// change of password and reveals none of them.
#[derive(Clone, Copy, Eq, Hash, PartialEq)]
pub struct AccountKey(Hex<32>);

impl AccountKey {
    pub(crate) const fn new(digest: [u8; 32]) -> Self {
        Self(Hex(digest))
    }
}

impl fmt::Display for AccountKey {
    /// Writes the first six bytes, in hexadecimal: enough to distinguish accounts in a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.12}", self.0.to_string())
    }
}

impl fmt::LowerHex for AccountKey {
    /// Writes all of it, for a key in a store.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountKey({self})")
    }
}
