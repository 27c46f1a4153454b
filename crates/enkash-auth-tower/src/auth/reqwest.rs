use http::{Extensions, HeaderMap, Method, StatusCode};
use reqwest::{Body, Request, Response, ResponseBuilderExt};

use super::{AuthRequest, Head, ResponseBody, Target};

impl Head for Request {
    fn method(&self) -> &Method {
        Self::method(self)
    }

    fn target(&self) -> Target<'_> {
        Target::Url(Self::url(self).as_str())
    }

    /// Reqwest does not expose them.
    fn extensions(&self) -> Option<&Extensions> {
        None
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        Self::headers_mut(self)
    }
}

impl AuthRequest<Response> for Request {
    type Response = Response;
    type Body = Body;

    fn was_not_redirected(&self, response: &Response) -> bool {
        self.url() == response.url()
    }

    fn status(response: &Response) -> StatusCode {
        response.status()
    }

    fn response_headers(response: &Response) -> &HeaderMap {
        response.headers()
    }

    fn pass(response: Response) -> Response {
        response
    }

    fn open(response: Response) -> http::Response<ResponseBody<Body>> {
        // The URL travels as an extension, of a type that only its builder can make.
        let url = http::Response::builder().url(response.url().clone());
        let mut opened = http::Response::from(response).map(ResponseBody::open);
        if let Ok(url) = url.body(()) {
            opened
                .extensions_mut()
                .extend(url.into_parts().0.extensions);
        }
        opened
    }

    fn close(response: http::Response<ResponseBody<Body>>) -> Response {
        response.map(Body::wrap).into()
    }
}
