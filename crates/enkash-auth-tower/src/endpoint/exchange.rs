use std::{
    future::poll_fn,
    pin::{Pin, pin},
};

use bytes::Bytes;
use enkash_auth_core::{AnswerBody, Clock, Moment, TokenAnswer, TokenRequest};
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::not_sent::was_not_sent;
use crate::{BoxError, time::Time};

/// Marks a token request, so that our own layer lets it pass: it would wait for itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsTokenRequest;

/// An answer, and when its request was sent.
pub(crate) struct Exchanged {
    pub(crate) sent: Moment,
    pub(crate) answer: TokenAnswer,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The password stayed here.
    NotSent(BoxError),
    /// The password may have left.
    Interrupted(BoxError),
}

/// An HTTP service, erased: sends a token request and reads the answer.
pub(crate) trait Exchange: Send + Sync {
    fn exchange(&self, request: TokenRequest, clock: Time, deadline: Instant) -> Exchanging;
}

pub(crate) type Exchanging = Pin<Box<dyn Future<Output = Result<Exchanged, Failure>> + Send>>;

/// The erased service. Every exchange has a clone of its own.
pub(crate) struct Plug<S>(pub(crate) S);

impl<S, B> Exchange for Plug<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<BoxError>,
{
    fn exchange(&self, request: TokenRequest, clock: Time, deadline: Instant) -> Exchanging {
        Box::pin(exchange(self.0.clone(), request, clock, deadline))
    }
}

async fn exchange<S, B>(
    mut service: S,
    request: TokenRequest,
    clock: Time,
    deadline: Instant,
) -> Result<Exchanged, Failure>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>>,
    S::Error: Into<BoxError>,
    B: Body,
    B::Error: Into<BoxError>,
{
    timeout_at(deadline, poll_fn(|cx| service.poll_ready(cx)))
        .await
        .map_err(|elapsed| Failure::NotSent(elapsed.into()))?
        .map_err(|error| Failure::NotSent(error.into()))?;
    if Instant::now() >= deadline {
        // Ready, but too late: by now another flight may be on.
        return Err(Failure::NotSent("no time left to send it".into()));
    }
    let mut request = request.into_http().map(Full::new);
    request.extensions_mut().insert(IsTokenRequest);
    let sent = clock.now();
    let response = timeout_at(deadline, service.call(request))
        .await
        .map_err(|elapsed| Failure::Interrupted(elapsed.into()))?
        .map_err(|error| match error.into() {
            error if was_not_sent(&*error) => Failure::NotSent(error),
            error => Failure::Interrupted(error),
        })?;
    let (head, body) = response.into_parts();
    let body = read(body, deadline).await;
    Ok(Exchanged {
        sent,
        answer: TokenAnswer::new(head.status, head.headers, body),
    })
}

/// Never more than [`TokenAnswer::MAX_BODY`] bytes, nor past the deadline: what came by then is
/// judged by its status alone.
async fn read<B>(body: B, deadline: Instant) -> AnswerBody
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let collect = pin!(Limited::new(body, TokenAnswer::MAX_BODY).collect());
    match timeout_at(deadline, collect).await {
        Ok(Ok(collected)) => AnswerBody::Complete(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => AnswerBody::TooLarge,
        Ok(Err(_)) | Err(_) => AnswerBody::Truncated,
    }
}
