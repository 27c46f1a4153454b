use std::time::Duration;

use bytes::Bytes;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, TokenCache};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{ServiceBuilder, timeout::TimeoutLayer, util::BoxCloneSyncService};

/// The limit of connections: each takes two file descriptors, because the server runs in the same
/// process, and some systems allow only 256.
const CONNECTIONS: usize = 64;

/// The API client of the callers.
pub(crate) type Api = BoxCloneSyncService<Request<Empty<Bytes>>, Response<()>, BoxError>;

/// Builds the stack of a typical service. The connection limit is inside the layer, so that calls that
/// wait for a token hold no connection.
pub(crate) fn api(tokens: TokenCache) -> Api {
    let sockets = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let service = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_secs(10)))
        .layer(EnkashAuthLayer::new(tokens))
        .concurrency_limit(CONNECTIONS)
        .and_then(read_to_end)
        .service(sockets);
    BoxCloneSyncService::new(service)
}

/// Reads the response to its end, which frees the connection for the next call.
async fn read_to_end(response: Response<Incoming>) -> Result<Response<()>, BoxError> {
    let (head, body) = response.into_parts();
    body.collect().await?;
    Ok(Response::from_parts(head, ()))
}
