use std::{error::Error as StdError, fmt};

use enkash_auth_core::Error;
use http::Method;

use super::{AuthRequest, Target};
use crate::BoxError;

/// Says of an [`Error`] that the layer raised it, and did so before it called the service below.
///
/// The layer puts it between its error and the cause of that; nobody else can. So it tells that error
/// from one of a service below, be that of the same type. One of two layers, nested, passes on what
/// the other says without this mark: it has called it.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::Error;
/// use enkash_auth_tower::{BoxError, NotCalled};
///
/// /// What became of a call, for whoever asked for it.
/// fn report(error: &BoxError) -> String {
///     match NotCalled::of(&**error) {
///         Some(not_called) => format!("no {} was made: {}", not_called.method(), not_called.error()),
///         None => format!("nobody knows: {error}"),
///     }
/// }
/// # let error: BoxError = Error::new(enkash_auth_core::ErrorKind::Rejected, "").into();
/// # assert!(report(&error).starts_with("nobody"));
/// ```
pub struct NotCalled {
    error: Error,
    method: Method,
    /// Not shown: a query may hold anything.
    target: String,
}

impl NotCalled {
    /// The mark of `error`; `None` where there is none. Only the error itself is asked, not its
    /// causes: those may be about another call.
    pub fn of<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        error.downcast_ref::<Error>()?.source()?.downcast_ref()
    }

    /// The error without the mark.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// The method of the request that was not sent.
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Whether that was a request of `method` for `target`. A stack that makes several calls of one, as
    /// does one that follows redirects, may have sent others before.
    pub fn is_about(&self, method: &Method, target: Target<'_>) -> bool {
        self.method == *method && self.target == target.text()
    }

    /// `error`, marked as raised before `request` was handed on.
    #[cold]
    pub(super) fn mark<Req, Res>(error: Error, request: &Req) -> Error
    where
        Req: AuthRequest<Res>,
    {
        error.clone().with_source(Self {
            error,
            method: request.method().clone(),
            target: request.target().text(),
        })
    }

    /// What the service below failed with: a mark that it bears is about another layer's call.
    #[cold]
    pub(super) fn unmark(error: impl Into<BoxError>) -> BoxError {
        let error = error.into();
        let unmarked = Self::of(&*error).map(|mark| mark.error.clone());
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

/// Its cause is that of the error that it marks.
impl StdError for NotCalled {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
