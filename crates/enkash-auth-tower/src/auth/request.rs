use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;

use super::{ResponseBody, Target};

/// Lets the layer put a token on a request, whose response is a `Res`.
///
/// Sealed: it is implemented for `http::Request<B>` and `http::Response<R>` with a body `R` of
/// [`Bytes`] that is `Unpin`, and with the feature `reqwest` for reqwest's own pair.
pub trait AuthRequest<Res>: sealed::Head {
    /// The response that the layer returns: with a [`ResponseBody`], or reqwest's own.
    type Response;

    /// The body of a response that is looked at.
    #[doc(hidden)]
    type Body: Body<Data = Bytes> + Unpin;

    /// Returns whether `response` is that of this request, and not of one that it was redirected to. `true` if
    /// the response does not say.
    #[doc(hidden)]
    fn was_not_redirected(&self, response: &Self::Response) -> bool {
        let _ = response;
        true
    }

    /// Returns the status of the response.
    fn status(response: &Res) -> StatusCode;

    /// Returns the headers of the response.
    fn response_headers(response: &Res) -> &HeaderMap;

    /// Returns the response whose body is not looked at.
    #[doc(hidden)]
    fn pass(response: Res) -> Self::Response;

    /// Returns the response whose body is looked at.
    #[doc(hidden)]
    fn open(response: Res) -> Response<ResponseBody<Self::Body>>;

    /// Returns the response whose body was looked at.
    #[doc(hidden)]
    fn close(response: Response<ResponseBody<Self::Body>>) -> Self::Response;
}

impl<B, R> AuthRequest<Response<R>> for Request<B>
where
    R: Body<Data = Bytes> + Unpin,
{
    type Response = Response<ResponseBody<R>>;
    type Body = R;

    fn status(response: &Response<R>) -> StatusCode {
        response.status()
    }

    fn response_headers(response: &Response<R>) -> &HeaderMap {
        response.headers()
    }

    #[inline(always)]
    fn pass(response: Response<R>) -> Self::Response {
        response.map(ResponseBody::new)
    }

    fn open(response: Response<R>) -> Self::Response {
        response.map(ResponseBody::open)
    }

    fn close(response: Self::Response) -> Self::Response {
        response
    }
}

impl<B> sealed::Head for Request<B> {
    #[inline]
    fn method(&self) -> &Method {
        Self::method(self)
    }

    #[inline]
    fn target(&self) -> Target<'_> {
        Target::Uri(Self::uri(self))
    }

    #[inline]
    fn extensions(&self) -> Option<&Extensions> {
        Some(Self::extensions(self))
    }

    #[inline]
    fn headers_mut(&mut self) -> &mut HeaderMap {
        Self::headers_mut(self)
    }
}

pub mod sealed {
    use super::{Extensions, HeaderMap, Method, Target};

    /// Reads and changes the head of a request.
    pub trait Head {
        /// Returns the method.
        fn method(&self) -> &Method;

        /// Returns where the client below will send it: by this, the token is attached or not.
        fn target(&self) -> Target<'_>;

        /// Returns the extensions, or `None` if they cannot be read. They mark a token request that was sent
        /// through the layer by mistake: without the mark, it waits for itself until its fetch times out.
        fn extensions(&self) -> Option<&Extensions>;

        /// Returns the headers, of which `Authorization` is set.
        fn headers_mut(&mut self) -> &mut HeaderMap;
    }
}
