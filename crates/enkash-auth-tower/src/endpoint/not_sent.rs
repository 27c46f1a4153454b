use std::{error::Error as StdError, fmt, io};

use crate::BoxError;

/// Says of an HTTP service's error that nothing of the request was sent.
///
/// What fails before the password leaves may be tried again at once; what fails after may have cost
/// one of three attempts. That is known of hyper-util's client (with the feature `client`), of
/// reqwest's (with `reqwest`), and of a refused connection. A service with errors of its own says so
/// by wrapping them:
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

    /// Returns whether `error` itself says so, and not one of its causes: it is this one, or, with the feature
    /// `client`, that of hyper-util's client for want of a connection.
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

/// Returns whether `error` says that nothing of a token request was sent.
///
/// A refused connection says so by itself, unless a connection reports it: a host behind a firewall can
/// be refused after the request was written.
pub(super) fn was_not_sent(error: &(dyn StdError + 'static)) -> bool {
    if NotSent::is_said_by(error) || has_no_connection(error) || is_refused_connection(error) {
        return true;
    }
    !is_of_a_connection(error) && error.source().is_some_and(was_not_sent)
}

/// Returns the same of a call: only what says so in so many words counts. A refused connection may be that of
/// a client's second try.
pub(crate) fn call_was_not_sent(error: &(dyn StdError + 'static)) -> bool {
    NotSent::is_said_by(error) || error.source().is_some_and(call_was_not_sent)
}

/// Hyper-util's error is among its causes, but may be of another version.
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
