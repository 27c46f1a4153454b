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

    /// Reqwest does not expose them.
    fn extensions(&self) -> Option<&Extensions> {
        None
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn was_not_redirected(&self, response: &Response) -> bool {
        self.url() == response.url()
    }

    fn status(response: &Response) -> StatusCode {
        response.status()
    }

    fn response_headers(response: &Response) -> &HeaderMap {
        response.headers()
    }
}
