//! The layer on hyper-util's client, over HTTP/1 and over HTTP/2.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin hyper-client
//! ```
//!
//! It starts a server that behaves like EnKash's on a loopback port, calls it over each version of
//! HTTP, and prints the received requests. Both clients share one cache, so one token is fetched.

use std::io::{self, Write};

use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::Sandbox;
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ResponseBody, TokenCache, TokenEndpoint};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{client::legacy, rt::TokioExecutor};
use serde_json::Value;
use tower::{Layer, Service, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);

    // The layer is the same for both: a client only has to be a service.
    let layer = EnkashAuthLayer::new(tokens);
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    let http1 = layer.layer(builder.build_http());
    let http2 = layer.layer(builder.http2_only(true).build_http());

    let uri = format!("{}/api/v0/payouts", sandbox.base_url());
    let mut out = io::stdout();
    writeln!(out, "{}", pay(http1, &uri).await?)?;
    writeln!(out, "{}", pay(http2, &uri).await?)?;
    let requests = sandbox.issuer().counters().token_requests;
    writeln!(out, "token requests: {requests}")?;
    Ok(())
}

/// Makes a payout with `client`, and returns how it arrived.
async fn pay<S>(client: S, uri: &str) -> Result<String, BoxError>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResponseBody<Incoming>>, Error = BoxError>,
{
    let request = Request::post(uri).body(Full::from("amount=100"))?;
    let response = client.oneshot(request).await?;
    let status = response.status();
    // The sandbox returns the received request.
    let seen: Value = serde_json::from_slice(&response.into_body().collect().await?.to_bytes())?;
    let version = seen.pointer("/version").and_then(Value::as_str);
    let has_token = seen.pointer("/headers/authorization").is_some();
    Ok(format!(
        "{status}, arrived as {}, with a token: {has_token}",
        version.unwrap_or_default()
    ))
}
