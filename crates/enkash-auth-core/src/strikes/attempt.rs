use crate::{Error, ErrorKind, Fingerprint};

/// Leave to send a password once.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Moment, strikes::{Settlement, Strikes}};
///
/// let (mut strikes, now) = (Strikes::default(), Moment::new(0, 0));
/// let keys = Credentials::merchant("key", "secret").ledger_fingerprint(&[0; 32]);
/// let attempt = strikes.begin(keys, now, None)?;
/// assert!(!attempt.is_proven());
/// strikes.settle(attempt, Settlement::Granted);
/// assert!(strikes.begin(keys, now, None)?.is_proven());
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    pub(super) number: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) proven: bool,
}

/// How an attempt ended, as far as the account's budget goes.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Error, ErrorKind, strikes::Settlement};
///
/// let refused = Error::new(ErrorKind::Rejected, "status 400");
/// assert_eq!(Settlement::of_answer(&refused), Settlement::Rejected(ErrorKind::Rejected));
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "an attempt ends in no other way")]
pub enum Settlement {
    /// With a token: all before it is forgotten.
    Granted,
    /// The server refused the credentials: [`ErrorKind::Rejected`] or [`ErrorKind::AccountLocked`].
    Rejected(ErrorKind),
    /// Nothing was sent, or the server did not come to look at the password.
    Harmless,
    /// With an answer that says neither yes nor no.
    Unresolved,
    /// Without an answer, after the password may have been sent.
    Interrupted,
}

impl Attempt {
    /// Counts the attempts of an account, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Whether these credentials were the last to succeed.
    pub fn is_proven(&self) -> bool {
        self.proven
    }
}

impl Settlement {
    /// Whether the server counts an attempt that ended so, or may count it.
    pub fn may_count(self) -> bool {
        !matches!(self, Self::Granted | Self::Harmless)
    }

    /// What a complete answer that ended with `error` settles.
    pub fn of_answer(error: &Error) -> Self {
        match error.kind() {
            kind if kind.is_rejection() => Self::Rejected(kind),
            ErrorKind::Forbidden | ErrorKind::Unresolved => Self::Unresolved,
            _ => Self::Harmless,
        }
    }
}
