use http::Request;

use super::ReplayBody;
use crate::auth::sealed::Sealed;

/// Lets a request be sent a second time. Sealed: implemented for `http::Request` with a [`ReplayBody`], and
/// with the feature `reqwest` for reqwest's own.
pub trait ReplayRequest: Sized + Sealed {
    /// Returns a copy of the request, or `None` if its body can be sent only once.
    #[doc(hidden)]
    fn try_copy(&self) -> Option<Self>;
}

impl<B: ReplayBody> ReplayRequest for Request<B> {
    fn try_copy(&self) -> Option<Self> {
        let mut copy = Self::new(self.body().try_clone()?);
        *copy.method_mut() = self.method().clone();
        *copy.uri_mut() = self.uri().clone();
        *copy.version_mut() = self.version();
        *copy.headers_mut() = self.headers().clone();
        *copy.extensions_mut() = self.extensions().clone();
        Some(copy)
    }
}

/// The body of a request that is sent a second time must not be a stream.
#[cfg(feature = "reqwest")]
impl ReplayRequest for reqwest::Request {
    fn try_copy(&self) -> Option<Self> {
        self.try_clone()
    }
}
