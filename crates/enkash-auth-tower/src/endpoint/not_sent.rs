use std::{error::Error as StdError, fmt, io};

use crate::BoxError;

/// Marks an HTTP service's error as raised before anything of the request was sent.
///
/// What fails before the password is sent may be retried at once; what fails after may have cost one of
/// three attempts. Such errors are recognized of hyper-util's client (with the feature `client`), of
/// reqwest's (with `reqwest`), and of a refused connection. A service with errors of its own wraps them:
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::NotSent;
///
/// let error = NotSent::new("no address for this host");
/// assert_eq!(error.to_string(), "nothing was sent");
/// ```
#[derive(Debug)]
pub struct NotSent(BoxError);

impl NotSent {
    /// Wraps an error that happened before anything was sent.
    pub fn new(error: impl Into<BoxError>) -> Self {
        Self(error.into())
    }

    /// Returns whether `error` itself proves this, and not one of its sources: it is this one, or, with the
    /// feature `client`, that of hyper-util's client for want of a connection.
    pub fn is_said_by(error: &(dyn StdError + 'static)) -> bool {
        #[cfg(feature = "client")]
        if let Some(error) = error.downcast_ref::<hyper_util::client::legacy::Error>() {
            return error.is_connect();
        }
        error.is::<Self>()
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing was sent")
    }
}

impl StdError for NotSent {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.0)
    }
}

/// Returns whether `error` proves that nothing of a token request was sent.
///
/// A refused connection proves it, unless an open connection reports it: a host behind a firewall can be
/// refused after the request was written.
pub fn was_not_sent(error: &(dyn StdError + 'static)) -> bool {
    if NotSent::is_said_by(error) || has_no_connection(error) || is_refused_connection(error) {
        return true;
    }
    !is_of_a_connection(error) && error.source().is_some_and(was_not_sent)
}

/// Returns the same for a call: only an explicit marker counts. A refused connection may be that of a
/// client's second try.
pub fn call_was_not_sent(error: &(dyn StdError + 'static)) -> bool {
    NotSent::is_said_by(error) || error.source().is_some_and(call_was_not_sent)
}

/// Checks reqwest's error: the one of hyper-util among its sources may be of another version.
fn has_no_connection(error: &(dyn StdError + 'static)) -> bool {
    #[cfg(feature = "reqwest")]
    if let Some(error) = error.downcast_ref::<reqwest::Error>() {
        return error.is_connect();
    }
    let _ = error;
    false
}

/// Returns whether the error is of hyper, which is called once a connection is made.
fn is_of_a_connection(error: &(dyn StdError + 'static)) -> bool {
    #[cfg(feature = "client")]
    if error.is::<hyper::Error>() {
        return true;
    }
    let _ = error;
    false
}

fn is_refused_connection(error: &(dyn StdError + 'static)) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}
