use std::{error::Error as StdError, fmt};

use http::Method;

use super::{Head, Target};
use crate::{BoxError, Error};

/// Proves that the inner service was not called.
///
/// The layer inserts this marker as the source of its own errors. It cannot be constructed elsewhere, so an
/// error of the inner service is never mistaken for one. Of two nested layers, the outer one removes the
/// inner one's marker: it did make a call.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::{BoxError, Error, NotCalled};
///
/// /// Reports the outcome of a call.
/// fn report(error: &BoxError) -> String {
///     match NotCalled::of(&**error) {
///         Some(not_called) => format!("no {} was made: {}", not_called.method(), not_called.error()),
///         None => format!("it may have been made: {error}"),
///     }
/// }
/// # let error: BoxError = Error::new(enkash_auth_tower::ErrorKind::Rejected, "").into();
/// # assert!(report(&error).starts_with("it may"));
/// ```
pub struct NotCalled {
    error: Error,
    method: Method,
    /// Never shown: a query may hold secrets.
    target: String,
}

impl NotCalled {
    /// Returns the marker of `error` itself, if it has one. That of a source may be about another call.
    pub fn of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        error.downcast_ref::<Error>()?.source()?.downcast_ref()
    }

    /// Returns the error without the marker.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Returns the method of the request that was not sent.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns whether the request was one of `method` for `target`. A stack that makes several calls for
    /// one, such as one that follows redirects, may have sent others before.
    pub fn is_about(&self, method: &Method, target: Target<'_>) -> bool {
        self.method == *method && self.target == target.text()
    }

    /// Marks `error` as raised before `request` was passed on.
    #[cold]
    pub(super) fn mark(error: Error, request: &impl Head) -> Error {
        error.clone().with_source(Self {
            error,
            method: request.method().clone(),
            target: request.target().text(),
        })
    }

    /// Removes the marker from an error of the inner service: it is about another layer's call.
    #[cold]
    pub(super) fn unmark(error: impl Into<BoxError>) -> BoxError {
        let error = error.into();
        let unmarked = Self::of(&*error).map(|marker| marker.error.clone());
        unmarked.map_or(error, Into::into)
    }
}

impl fmt::Display for NotCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the call was not made")
    }
}

impl fmt::Debug for NotCalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotCalled")
            .field("method", &self.method)
            .field("source", &self.error.source())
            .finish_non_exhaustive()
    }
}

/// Forwards the source of the marked error.
impl StdError for NotCalled {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
