use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version};

use crate::auth::Head;

/// Lets a request be sent a second time. Sealed: implemented for `http::Request` with a [`ReplayBody`], and
/// with the feature `reqwest` for reqwest's own.
pub trait ReplayRequest: Sized + Head {
    /// A copy of the request that is cheap to make.
    #[doc(hidden)]
    type Copy;

    /// Returns a copy of the request, or `None` if its body can be sent only once.
    #[doc(hidden)]
    fn try_copy(&self) -> Option<Self::Copy>;

    /// Returns the request that was copied.
    #[doc(hidden)]
    fn from_copy(copy: Self::Copy) -> Self;
}

/// Holds a request with its headers in one list: a map of them takes two allocations, which nearly no call needs.
#[derive(Debug)]
pub struct RequestCopy<B> {
    method: Method,
    uri: Uri,
    version: Version,
    headers: Vec<(HeaderName, HeaderValue)>,
    extensions: Extensions,
    body: B,
}

impl<B: ReplayBody> ReplayRequest for Request<B> {
    type Copy = RequestCopy<B>;

    #[inline]
    fn try_copy(&self) -> Option<RequestCopy<B>> {
        let body = self.body().try_clone()?;
        let mut headers = Vec::with_capacity(self.headers().len());
        for (name, value) in self.headers() {
            headers.push((name.clone(), value.clone()));
        }
        Some(RequestCopy {
            method: self.method().clone(),
            uri: self.uri().clone(),
            version: self.version(),
            headers,
            extensions: self.extensions().clone(),
            body,
        })
    }

    fn from_copy(copy: RequestCopy<B>) -> Self {
        let mut request = Self::new(copy.body);
        *request.method_mut() = copy.method;
        *request.uri_mut() = copy.uri;
        *request.version_mut() = copy.version;
        let mut headers = HeaderMap::with_capacity(copy.headers.len());
        for (name, value) in copy.headers {
            headers.append(name, value);
        }
        *request.headers_mut() = headers;
        *request.extensions_mut() = copy.extensions;
        request
    }
}

/// The body of a request that is sent a second time must not be a stream.
#[cfg(feature = "reqwest")]
impl ReplayRequest for reqwest::Request {
    type Copy = Self;

    fn try_copy(&self) -> Option<Self> {
        self.try_clone()
    }

    fn from_copy(copy: Self) -> Self {
        copy
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
/// use enkash_auth_tower::replay::ReplayBody;
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
