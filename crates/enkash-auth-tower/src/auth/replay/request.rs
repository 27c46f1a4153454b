use http::Request;

use crate::auth::Head;

/// Lets a request be sent a second time. Sealed: implemented for `http::Request` with a [`ReplayBody`], and
/// with the feature `reqwest` for reqwest's own.
pub trait ReplayRequest: Sized + Head {
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

/// Allows a body to be sent a second time.
///
/// Every `Clone` body implements it: each clone must hold all of it. One whose clones share what they have
/// read, a stream over the receiver of a channel say, would be replayed incompletely; it belongs into a
/// wrapper that is not `Clone`. One that can be sent twice only sometimes, as it is collected or streamed,
/// implements this instead.
///
/// # Examples
///
/// ```
/// use bytes::Bytes;
/// use enkash_auth_tower::ReplayBody;
///
/// enum Body {
///     Collected(Bytes),
///     Streaming,
/// }
///
/// impl ReplayBody for Body {
///     fn try_clone(&self) -> Option<Self> {
///         match self {
///             Self::Collected(bytes) => Some(Self::Collected(bytes.clone())),
///             Self::Streaming => None,
///         }
///     }
/// }
/// assert!(Body::Streaming.try_clone().is_none());
/// assert!(Body::Collected(Bytes::new()).try_clone().is_some());
/// ```
pub trait ReplayBody: Sized {
    /// Returns a copy of the body; `None` if it can be sent only once.
    fn try_clone(&self) -> Option<Self>;
}

impl<B: Clone> ReplayBody for B {
    fn try_clone(&self) -> Option<Self> {
        Some(self.clone())
    }
}
