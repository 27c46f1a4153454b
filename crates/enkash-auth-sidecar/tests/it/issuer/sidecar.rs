use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use tokio::{task::JoinSet, time::interval};

use super::server::{CLIENT, CLIENT_SECRET, PASSWORD, Server, USER};
use crate::process::{Sidecar, sidecar};

/// Calls the API through a sidecar; returns the status.
async fn call(client: Client<HttpConnector, Full<Bytes>>, url: String) -> StatusCode {
    let request = Request::get(url).body(Full::default()).unwrap();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    body.collect().await.unwrap();
    head.status
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python issuer, takes 18 s: three lifetimes of a token"]
async fn sidecar_before_django_oauth_toolkit_fails_no_call() {
    let server = Server::start(5).await;
    let mut command = sidecar();
    command
        .env("ENKASH_BASE_URL", server.base())
        .env("ENKASH_CLIENT_ID", CLIENT)
        .env("ENKASH_CLIENT_SECRET", CLIENT_SECRET)
        .env("ENKASH_USERNAME", USER)
        .env("ENKASH_PASSWORD", PASSWORD);
    let sidecar = Sidecar::start(command).await;
    let url = format!("http://{}/api/v0/any", sidecar.address());
    let call = || call(server.client(), url.clone());
    let are_served = |statuses: &[StatusCode]| statuses.iter().all(|it| *it == StatusCode::OK);

    let cold: JoinSet<_> = (0..100).map(|_| call()).collect();
    let cold = cold.join_all().await;
    assert!(are_served(&cold), "{cold:?}");
    assert_eq!(server.counters().await.token_requests, 1);

    let (mut steady, mut next) = (JoinSet::new(), interval(Duration::from_millis(50)));
    for _ in 0..16 * 20 {
        next.tick().await;
        steady.spawn(call());
    }
    let steady = steady.join_all().await;
    assert!(are_served(&steady), "{steady:?}");
    let seen = server.counters().await;
    assert_eq!((seen.api_unauthorized, seen.api_calls), (0, 100 + 16 * 20));
    assert!(seen.token_requests <= 7, "{seen:?}");

    server.revoke_all().await;
    for _ in 0..10 {
        assert_eq!(call().await, StatusCode::OK);
    }
}
