//! What is said of an attempt that is not made.

use crate::{Error, ErrorKind};

/// These very credentials were refused before, as `kind`.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{ErrorKind, strikes::refused_before};
///
/// assert!(refused_before(ErrorKind::Rejected).to_string().ends_with("nothing was sent"));
/// ```
pub fn refused_before(kind: ErrorKind) -> Error {
    let detail = "these credentials were refused before; nothing was sent";
    Error::new(kind, detail)
}

/// As many attempts are on the record as may be.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{ErrorKind, strikes::budget_spent};
///
/// assert!(budget_spent(ErrorKind::Rejected).to_string().ends_with("nothing was sent"));
/// ```
pub fn budget_spent(kind: ErrorKind) -> Error {
    let detail = "one more attempt could lock the account; nothing was sent";
    Error::new(kind, detail)
}

/// Whoever wanted to make it has been given up meanwhile.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{ErrorKind, strikes::given_up};
///
/// assert_eq!(given_up().kind(), ErrorKind::Unavailable);
/// ```
pub fn given_up() -> Error {
    Error::new(ErrorKind::Unavailable, "the fetch was given up")
}
