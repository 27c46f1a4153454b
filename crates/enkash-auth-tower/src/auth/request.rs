use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode};

use super::Target;

/// A request that a token can be put on, and whose answer is a `Res`.
///
/// It is there for `http::Request<B>`, answered by an `http::Response<R>`, and with the feature
/// `reqwest` for reqwest's own pair. A client with types of its own implements it for them.
///
/// # Examples
///
/// A request that keeps the numbers of its caller beside it:
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
///     fn status(answer: &Response<R>) -> StatusCode {
///         answer.status()
///     }
///     fn answer_headers(answer: &Response<R>) -> &HeaderMap {
///         answer.headers()
///     }
///     fn answer_extensions_mut(answer: &mut Response<R>) -> &mut Extensions {
///         answer.extensions_mut()
///     }
/// }
/// ```
pub trait AuthRequest<Res> {
    /// The method.
    fn method(&self) -> &Method;

    /// Where the client below will send it. The token goes by this: it must be what the client goes
    /// by.
    fn target(&self) -> Target<'_>;

    /// What travels beside it; `None` where that cannot be read. By this a token request is told
    /// that was sent through the layer by mistake. Untold, it waits for itself until its fetch times
    /// out.
    fn extensions(&self) -> Option<&Extensions>;

    /// The headers, of which `Authorization` is set.
    fn headers_mut(&mut self) -> &mut HeaderMap;

    /// The status of the answer.
    fn status(answer: &Res) -> StatusCode;

    /// The headers of the answer.
    fn answer_headers(answer: &Res) -> &HeaderMap;

    /// What travels beside the answer: with a 401, which token it refuses.
    fn answer_extensions_mut(answer: &mut Res) -> &mut Extensions;
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

    fn status(answer: &Response<R>) -> StatusCode {
        answer.status()
    }

    fn answer_headers(answer: &Response<R>) -> &HeaderMap {
        answer.headers()
    }

    fn answer_extensions_mut(answer: &mut Response<R>) -> &mut Extensions {
        answer.extensions_mut()
    }
}
