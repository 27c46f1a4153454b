use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode};

use super::Target;

/// Lets the layer put a token on a request, whose response is a `Res`.
///
/// It is implemented for `http::Request<B>` and `http::Response<R>`, and with the feature `reqwest` for
/// reqwest's own pair. Implement it for the types of other clients.
///
/// # Examples
///
/// A request that carries a number of its caller:
///
/// ```
/// use enkash_auth_tower::{AuthRequest, Target};
/// use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode};
///
/// struct Numbered<B> {
///     number: u64,
///     request: Request<B>,
/// }
///
/// impl<B, R> AuthRequest<Response<R>> for Numbered<B> {
///     fn method(&self) -> &Method {
///         self.request.method()
///     }
///     fn target(&self) -> Target<'_> {
///         Target::Uri(self.request.uri())
///     }
///     fn extensions(&self) -> Option<&Extensions> {
///         Some(self.request.extensions())
///     }
///     fn headers_mut(&mut self) -> &mut HeaderMap {
///         self.request.headers_mut()
///     }
///     fn status(response: &Response<R>) -> StatusCode {
///         response.status()
///     }
///     fn response_headers(response: &Response<R>) -> &HeaderMap {
///         response.headers()
///     }
///     fn response_extensions_mut(response: &mut Response<R>) -> &mut Extensions {
///         response.extensions_mut()
///     }
/// }
/// ```
pub trait AuthRequest<Res> {
    /// Returns the method.
    fn method(&self) -> &Method;

    /// Returns where the client below will send it, which decides whether the token is attached.
    fn target(&self) -> Target<'_>;

    /// Returns the extensions, or `None` if they cannot be read. They mark a token request that was sent
    /// through the layer by mistake: without the marker, it waits for itself until its fetch times out.
    fn extensions(&self) -> Option<&Extensions>;

    /// Returns the headers, in which `Authorization` is set.
    fn headers_mut(&mut self) -> &mut HeaderMap;

    /// Returns the status of the response.
    fn status(response: &Res) -> StatusCode;

    /// Returns the headers of the response.
    fn response_headers(response: &Res) -> &HeaderMap;

    /// Returns the extensions of the response: with a 401, they identify the unauthorized token.
    fn response_extensions_mut(response: &mut Res) -> &mut Extensions;
}

impl<B, R> AuthRequest<Response<R>> for Request<B> {
    fn method(&self) -> &Method {
        self.method()
    }

    fn target(&self) -> Target<'_> {
        Target::Uri(self.uri())
    }

    fn extensions(&self) -> Option<&Extensions> {
        Some(self.extensions())
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn status(response: &Response<R>) -> StatusCode {
        response.status()
    }

    fn response_headers(response: &Response<R>) -> &HeaderMap {
        response.headers()
    }

    fn response_extensions_mut(response: &mut Response<R>) -> &mut Extensions {
        response.extensions_mut()
    }
}
