use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

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
#[ignore = "needs the Python issuer, takes 50 s: three lifetimes of a token"]
async fn sidecar_before_django_oauth_toolkit_fails_no_call() {
    // In its refresh window also a server that is behind grants the next one.
    const LIFE: Duration = Duration::from_secs(16);
    let server = Server::start(16).await;
    let mut command = sidecar();
    command
        .env("ENKASH_BASE_URL", server.base())
        .env("ENKASH_CLIENT_ID", CLIENT)
        .env("ENKASH_CLIENT_SECRET", CLIENT_SECRET)
        .env("ENKASH_USERNAME", USER)
        .env("ENKASH_PASSWORD", PASSWORD);
    let sidecar = Sidecar::start(command).await;
    let url = format!("http://{}/api/v0/any", sidecar.address());
    let client = server.client();
    let call = move || call(client.clone(), url.clone());
    let are_served = |statuses: &[StatusCode]| statuses.iter().all(|it| *it == StatusCode::OK);

    let cold: JoinSet<_> = (0..20).map(|_| call()).collect();
    let cold = cold.join_all().await;
    assert!(are_served(&cold), "{cold:?}");
    assert_eq!(server.counters().await.token_requests, 1);

    // One call after another: a server that is behind gets no more of them.
    let end = Instant::now() + LIFE * 3;
    let mut steady = JoinSet::new();
    for _ in 0..4 {
        let call = call.clone();
        steady.spawn(async move {
            let mut statuses = Vec::new();
            while Instant::now() < end {
                statuses.push(call().await);
                sleep(Duration::from_millis(100)).await;
            }
            statuses
        });
    }
    let steady = steady.join_all().await.concat();
    assert!(are_served(&steady), "{steady:?}");
    let seen = server.counters().await;
    let calls = u32::try_from(20 + steady.len()).unwrap();
    assert_eq!((seen.api_unauthorized, seen.api_calls), (0, calls));
    assert!(seen.token_requests <= 7, "{seen:?}");

    server.revoke_all().await;
    for _ in 0..10 {
        assert_eq!(call().await, StatusCode::OK);
    }
}
