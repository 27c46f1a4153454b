//! The sandbox on a real socket.

use axum::body::Body;
use enkash_auth_sandbox::{Endpoint, Fault, Issuer, Sandbox};
use http::{Request, Uri, Version};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::support::{RIGHT, api, form, until};

fn client() -> Client<HttpConnector, Body> {
    Client::builder(TokioExecutor::new()).build_http()
}

fn at(sandbox: &Sandbox, mut request: Request<Body>) -> Request<Body> {
    let uri = format!("{}{}", sandbox.base_url(), request.uri());
    *request.uri_mut() = uri.parse::<Uri>().unwrap();
    request
}

#[tokio::test]
async fn token_is_granted_and_accepted_by_api() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = client();
    let response = client.request(at(&sandbox, form(RIGHT))).await.unwrap();
    assert_eq!(response.headers().get_all("date").iter().count(), 1);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();

    let call = api(body["access_token"].as_str().unwrap());
    let response = client.request(at(&sandbox, call)).await.unwrap();
    assert_eq!(response.status(), 200);
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.grants, counters.api_calls), (1, 1));
    assert_eq!(counters.token_requests_at_once, 1);
}

#[tokio::test]
async fn server_speaks_http_2() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<Body>();
    let request = at(&sandbox, form(RIGHT));
    let response = client.request(request).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    assert_eq!(response.status(), 200);

    // On HTTP/2 a fault affects only its own stream.
    sandbox
        .issuer()
        .order(Fault::CloseAfterReading.at(Endpoint::Token));
    client.request(at(&sandbox, form(RIGHT))).await.unwrap_err();
    let response = client.request(at(&sandbox, form(RIGHT))).await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn dropped_sandbox_closes_listener() {
    let sandbox = Sandbox::start().await.unwrap();
    let addr = sandbox.addr();
    let request = at(&sandbox, form(RIGHT));
    drop(sandbox);
    // The listener closes when the runtime next polls its task.
    until(|| std::net::TcpStream::connect(addr).is_err()).await;
    assert!(client().request(request).await.is_err());
}

#[tokio::test]
async fn shutdown_waits_for_in_flight_request() {
    let issuer = Issuer::default();
    issuer.change_rules(|rules| rules.delay(std::time::Duration::from_millis(20)));
    let sandbox = Sandbox::builder()
        .issuer(issuer.clone())
        .start()
        .await
        .unwrap();
    let request = at(&sandbox, form(RIGHT));
    let call = tokio::spawn(async move { client().request(request).await });
    until(|| issuer.counters().token_requests == 1).await;
    sandbox.shutdown().await;

    assert_eq!(call.await.unwrap().unwrap().status(), 200);
}

#[tokio::test]
async fn address_in_use_is_an_error() {
    let sandbox = Sandbox::start().await.unwrap();
    let second = Sandbox::builder().listen(sandbox.addr()).start().await;
    assert!(second.is_err());
}
