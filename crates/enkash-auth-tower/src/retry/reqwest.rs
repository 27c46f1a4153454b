use reqwest::{Request, Response};
use tower::retry::Policy;

use super::{RetryPause, TokenRetry};
use crate::BoxError;

impl Policy<Request, Response, BoxError> for TokenRetry {
    type Future = RetryPause;

    fn retry(
        &mut self,
        request: &mut Request,
        result: &mut Result<Response, BoxError>,
    ) -> Option<RetryPause> {
        self.pause(request, result)
    }

    fn clone_request(&mut self, request: &Request) -> Option<Request> {
        request.try_clone()
    }
}
