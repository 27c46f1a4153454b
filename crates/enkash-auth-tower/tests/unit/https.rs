use std::net::TcpListener;

use futures_util::FutureExt;
use http::Method;

use super::*;
use crate::{Egress, tests::sockets::HeldClock};

/// With a connection pool this would be a race; here the request is handed back.
#[tokio::test(start_paused = true)]
async fn connection_closed_before_request_sends_nothing() {
    let _held = HeldClock::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let target: Uri = base.parse().unwrap();
    let connector = Egress::direct().connector(CONNECT_TIMEOUT).unwrap();
    let mut client = HttpsClient::new(connector, target.clone());
    let ready = poll_fn(|cx| client.poll_ready(cx)).now_or_never();
    assert!(ready.is_none());
    drop(listener.accept().unwrap());
    poll_fn(|cx| client.poll_ready(cx)).await.unwrap();
    let mut request = Request::new(TokenRequestBody::new("p4ssw0rd".into()));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = target;
    let error = client.call(request).await.err().unwrap();
    assert!(NotSent::is_said_by(&*error), "{error:?}");
}
