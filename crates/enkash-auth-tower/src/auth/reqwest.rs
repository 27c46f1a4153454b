use http::{Extensions, HeaderMap, Method, StatusCode};
use reqwest::{Request, Response};

use super::{AuthRequest, Target};

impl AuthRequest<Response> for Request {
    fn method(&self) -> &Method {
        self.method()
    }

    fn target(&self) -> Target<'_> {
        Target::Url(self.url().as_str())
    }

    /// Reqwest keeps them to itself.
    fn extensions(&self) -> Option<&Extensions> {
        None
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn status(answer: &Response) -> StatusCode {
        answer.status()
    }

    fn response_headers(answer: &Response) -> &HeaderMap {
        answer.headers()
    }

    fn response_extensions_mut(answer: &mut Response) -> &mut Extensions {
        answer.extensions_mut()
    }
}
