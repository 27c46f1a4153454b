use std::{
    future::poll_fn,
    pin::{Pin, pin},
    time::Duration,
};

use bytes::{Buf, Bytes};
use enkash_auth_core::{Clock, ResponseBody, Timestamp, TokenRequest, TokenResponse};
use http::{Request, Uri};
use http_body::Body;
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout, timeout_at};
use zeroize::Zeroizing;

use super::{TokenRequestBody, TokenService, not_sent::was_not_sent};
use crate::{BoxError, time::Time};

/// Marks a token request, so that our own layer passes it on: it would wait for itself.
#[derive(Clone, Copy, Debug)]
pub struct IsTokenRequest;

/// Holds a response, and when its request was sent.
pub struct Exchanged {
    pub sent: Timestamp,
    pub response: TokenResponse,
}

/// Explains why there is no response.
#[derive(Debug)]
pub enum Failure {
    /// It failed before any byte of the request could be written, and does not count.
    NotSent(BoxError),
    /// The request may have arrived, and may have counted.
    NoResponse(BoxError),
}

/// Checks last whether credentials may be sent; see [`Exchange::exchange`].
pub type MaySend<'a> = &'a (dyn Fn() -> bool + Send + Sync);

pub type Exchanging<'a> = Pin<Box<dyn Future<Output = Result<Exchanged, Failure>> + Send + 'a>>;

pub type Probing<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// Makes token requests over a type-erased HTTP service.
pub trait Exchange: Send + Sync {
    /// Sends `request` and reads the response, all before `deadline`.
    ///
    /// Calls `may_send` once at most: when the service is ready, immediately before it is called. If it
    /// returns `false`, nothing is sent. If it returns `true`, the credentials may be in flight from then
    /// on. A service of our own is ready when it is connected.
    ///
    /// # Cancel safety
    ///
    /// If dropped before `may_send` has returned `true`, it has sent nothing.
    fn exchange<'a>(
        &'a self,
        request: TokenRequest,
        clock: Time,
        deadline: Instant,
        may_send: MaySend<'a>,
    ) -> Exchanging<'a>;

    /// Sends `request`, which is a [`TokenRequest::probe`], and returns whether the head of any response
    /// came within `limit`.
    fn probe(&self, request: TokenRequest, limit: Duration) -> Probing<'_>;
}

/// Erases a service, and makes one for every exchange, given the target of its request.
pub struct Plug<F>(pub(super) F);

impl<F, S> Exchange for Plug<F>
where
    F: Fn(&Uri) -> S + Send + Sync,
    S: TokenService,
{
    fn exchange<'a>(
        &'a self,
        request: TokenRequest,
        clock: Time,
        deadline: Instant,
        may_send: MaySend<'a>,
    ) -> Exchanging<'a> {
        let service = (self.0)(request.target());
        Box::pin(exchange(service, request, clock, deadline, may_send))
    }

    fn probe(&self, request: TokenRequest, limit: Duration) -> Probing<'_> {
        let mut service = (self.0)(request.target());
        Box::pin(async move {
            let responds = async {
                poll_fn(|cx| service.poll_ready(cx)).await.ok()?;
                service.call(marked(request)).await.ok()
            };
            matches!(timeout(limit, responds).await, Ok(Some(_)))
        })
    }
}

/// Ends each step at the deadline. A step that ends before the call has sent nothing: that needs no
/// report from below, such as hyper-util's `capture_connection`.
async fn exchange(
    mut service: impl TokenService,
    request: TokenRequest,
    clock: Time,
    deadline: Instant,
    may_send: MaySend<'_>,
) -> Result<Exchanged, Failure> {
    timeout_at(deadline, poll_fn(|cx| service.poll_ready(cx)))
        .await
        .map_err(|elapsed| Failure::NotSent(elapsed.into()))?
        .map_err(|error| Failure::NotSent(error.into()))?;
    let request = marked(request);
    let sent = clock.now();
    if !may_send() {
        return Err(Failure::NotSent("too late to send the request".into()));
    }
    let response = timeout_at(deadline, service.call(request))
        .await
        .map_err(|elapsed| Failure::NoResponse(elapsed.into()))?
        .map_err(|error| match error.into() {
            error if was_not_sent(&*error) => Failure::NotSent(error),
            error => Failure::NoResponse(error),
        })?;
    let (head, body) = response.into_parts();
    let body = read(body, deadline).await;
    Ok(Exchanged {
        sent,
        response: TokenResponse::new(head.status, head.headers, body),
    })
}

fn marked(request: TokenRequest) -> Request<TokenRequestBody> {
    let mut request = request.into_http().map(TokenRequestBody::new);
    request.extensions_mut().insert(IsTokenRequest);
    request
}

/// Reads at most [`TokenResponse::MAX_BODY`] bytes, and not past the deadline: a partial body is read as
/// far as it goes.
async fn read<B: Body>(body: B, deadline: Instant) -> ResponseBody {
    let mut body = pin!(body);
    // Not grown: that would leave copies of the token behind.
    let mut read = Zeroizing::new(Vec::with_capacity(TokenResponse::MAX_BODY));
    let end: fn(Bytes) -> ResponseBody = loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break ResponseBody::Complete,
            Ok(Some(Err(_))) | Err(_) => break ResponseBody::Truncated,
        };
        let Ok(mut data) = frame.into_data() else {
            continue;
        };
        if data.remaining() > TokenResponse::MAX_BODY - read.len() {
            return ResponseBody::TooLarge;
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            read.extend_from_slice(chunk);
            let length = chunk.len();
            data.advance(length);
        }
    };
    end(Bytes::from_owner(read))
}
