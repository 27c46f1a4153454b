use std::fmt;

use http::{HeaderName, HeaderValue};

use super::Head;

/// Shows a request to the closure that selects its account.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::RequestView;
/// use http::HeaderName;
///
/// #[derive(Clone)]
/// struct Merchant(u64);
///
/// /// Takes the merchant that a middleware has put into the extensions.
/// fn by_extension(request: &mut RequestView<'_>) -> Option<u64> {
///     request.extension::<Merchant>().map(|merchant| merchant.0)
/// }
///
/// /// Takes it from a header, which is removed.
/// fn by_header(request: &mut RequestView<'_>) -> Option<u64> {
///     let name = HeaderName::from_static("x-merchant");
///     request.take_header(name)?.to_str().ok()?.parse().ok()
/// }
///
/// /// Takes it from a path like `/merchants/17/payouts`.
/// fn by_path(request: &mut RequestView<'_>) -> Option<u64> {
///     request.path().split('/').nth(2)?.parse().ok()
/// }
/// ```
pub struct RequestView<'a>(&'a mut dyn Head);

impl<'a> RequestView<'a> {
    pub(super) fn new(request: &'a mut impl Head) -> Self {
        Self(request)
    }

    /// Returns the extension of type `T`. Requests of reqwest show none.
    pub fn extension<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.extensions()?.get()
    }

    /// Returns a header.
    pub fn header(&mut self, name: &HeaderName) -> Option<&HeaderValue> {
        self.0.headers_mut().get(name)
    }

    /// Removes a header, so that it is not sent, and returns its first value.
    pub fn take_header(&mut self, name: HeaderName) -> Option<HeaderValue> {
        self.0.headers_mut().remove(name)
    }

    /// Returns the path, without the query.
    pub fn path(&self) -> &str {
        self.0.target().path()
    }
}

impl fmt::Debug for RequestView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestView")
            .field("target", &self.0.target())
            .finish_non_exhaustive()
    }
}
