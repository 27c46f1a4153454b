use std::{
    future::poll_fn,
    mem,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Request, Response, Uri,
    header::{CONNECTION, HOST},
};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, client::conn::http1::Connection};
use tower_service::Service;

use super::TokenRequestBody;
use crate::{
    BoxError, NotSent,
    egress::{EgressConnecting, EgressConnector, EgressStream, lenient},
};

/// Limits connecting: name, TCP, a proxy's tunnel and TLS.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Sends one request on a connection of its own, HTTP/1.1.
///
/// It is ready when connected: name, TCP, a proxy's tunnel and TLS. The future of `call` writes the request
/// in its first poll. There is no pool, no retry, no redirect, and no task that would write after that
/// future was dropped. So what fails before the call has sent nothing, and a check before it is as near to
/// the first byte as a check can be.
pub struct HttpsClient {
    connector: EgressConnector,
    target: Uri,
    state: State,
}

enum State {
    Idle,
    Connecting(EgressConnecting),
    Connected(Box<EgressStream>),
}

impl HttpsClient {
    /// Creates a client of the server at `target`, without a connection.
    pub fn new(connector: EgressConnector, target: Uri) -> Self {
        Self {
            connector,
            target,
            state: State::Idle,
        }
    }
}

impl Service<Request<TokenRequestBody>> for HttpsClient {
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<ResponseBody>, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        loop {
            match &mut self.state {
                State::Idle => {
                    ready!(self.connector.poll_ready(cx))?;
                    let connecting = self.connector.call(self.target.clone());
                    self.state = State::Connecting(connecting);
                }
                State::Connecting(connecting) => {
                    let result = ready!(Pin::new(connecting).poll(cx));
                    self.state = State::Idle;
                    self.state = State::Connected(Box::new(result?));
                }
                State::Connected(_) => return Poll::Ready(Ok(())),
            }
        }
    }

    fn call(&mut self, request: Request<TokenRequestBody>) -> Self::Future {
        let state = mem::replace(&mut self.state, State::Idle);
        Box::pin(async move {
            match state {
                State::Connected(stream) => send(*stream, request).await,
                _ => Err(NotSent::new("called before it was ready").into()),
            }
        })
    }
}

async fn send(
    stream: EgressStream,
    mut request: Request<TokenRequestBody>,
) -> Result<Response<ResponseBody>, BoxError> {
    to_wire_form(&mut request);
    // Creates the two halves, and writes nothing.
    let (mut sender, connection) = lenient::connection()
        .handshake(stream)
        .await
        .map_err(NotSent::new)?;
    let mut connection = Driven(Some(connection));
    let mut response = pin!(sender.try_send_request(request));
    let response = poll_fn(|cx| {
        connection.drive(cx);
        response.as_mut().poll(cx)
    });
    match response.await {
        Ok(response) => Ok(response.map(|incoming| ResponseBody {
            connection,
            incoming,
        })),
        // A returned request was not started: the server had closed the connection before.
        Err(mut error) => Err(match error.take_message() {
            Some(_) => NotSent::new(error.into_error()).into(),
            None => error.into_error().into(),
        }),
    }
}

/// Moves the host to a header, and leaves the path alone in the request line.
fn to_wire_form(request: &mut Request<TokenRequestBody>) {
    let uri = mem::take(request.uri_mut());
    let host = uri
        .authority()
        .and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
    let close = HeaderValue::from_static("close");
    request.headers_mut().insert(CONNECTION, close);
    if let Some(path) = uri.into_parts().path_and_query {
        *request.uri_mut() = path.into();
    }
}

/// Holds a connection until its end, driven by what waits for it.
struct Driven(Option<Connection<EgressStream, TokenRequestBody>>);

impl Driven {
    /// Polls it. The response or its body reports how it ends.
    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.0
            && Pin::new(connection).poll(cx).is_ready()
        {
            self.0 = None;
        }
    }
}

/// Holds the body of a response, and its connection.
pub struct ResponseBody {
    connection: Driven,
    incoming: Incoming,
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.connection.drive(cx);
        Pin::new(&mut self.incoming).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/https.rs"]
mod tests;
