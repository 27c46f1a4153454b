use std::task::{Context, Poll};

use reqwest::{Request, Response};
use tower_service::Service;

use super::{Replay, ReplayFuture};
use crate::BoxError;

/// Replays a request unless its body is a stream.
impl<S> Service<Request> for Replay<S>
where
    S: Service<Request, Response = Response> + Clone,
    S::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = BoxError;
    type Future = ReplayFuture<S, Request>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<Request>::poll_ready(self.get_mut(), cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let copy = request.try_clone();
        let sent = self.inspect(request.method(), request.headers());
        self.send(request, copy, sent)
    }
}
