use std::time::Duration;

use bytes::Bytes;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, TokenCache};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tower::{ServiceBuilder, timeout::TimeoutLayer, util::BoxCloneSyncService};

/// How many connections there are at once: two file descriptors each, for the server lives in the
/// same process, and some systems allow it no more than 256.
const CONNECTIONS: usize = 64;

/// The API, as its callers see it.
pub(crate) type Api = BoxCloneSyncService<Request<Empty<Bytes>>, Response<()>, BoxError>;

/// The stack as a service of one's own would have it: the limit of connections stands below the
/// layer, so that calls that wait for a token hold none.
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

/// A connection is free for the next call once its answer has been read.
async fn read_to_end(response: Response<Incoming>) -> Result<Response<()>, BoxError> {
    let (head, body) = response.into_parts();
    body.collect().await?;
    Ok(Response::from_parts(head, ()))
}
