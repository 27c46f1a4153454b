//! The metrics of the cache, served to Prometheus.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin prometheus
//! ```
//!
//! It starts a server that behaves like EnKash's and a service with `/metrics`, each on a loopback port,
//! makes ten calls, revokes the token and makes one more. Then it reads its own `/metrics`, as
//! Prometheus would, and prints what is the same in every run: no seconds, and no account, which is
//! a hash that includes the address.

use std::io::{self, Write};

use axum::{Router, extract::State, routing::get};
use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::Sandbox;
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, ReplayPolicy, TokenCache, TokenEndpoint, describe_metrics,
};
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tower::{Layer, ServiceExt};

/// The upper bounds of the histogram's buckets, in seconds: a fetch takes at most 8 s.
const FETCH_BUCKETS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 8.0];

/// Updates the gauges before each scrape: no background task does.
async fn scrape(State((tokens, recorder)): State<(TokenCache, PrometheusHandle)>) -> String {
    tokens.record_gauges();
    recorder.run_upkeep();
    recorder.render()
}

// On one thread a fetch is counted before its waiters resume and read the count.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(
            Matcher::Full("enkash_auth_fetch_duration_seconds".to_owned()),
            &FETCH_BUCKETS,
        )?
        .install_recorder()?;
    describe_metrics();

    let sandbox = Sandbox::start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let endpoint = TokenEndpoint::new(Environment::custom(&sandbox.base_url())?, credentials)?;
    let account = endpoint.account().to_string();
    let tokens = TokenCache::new(endpoint);

    let app = Router::new()
        .route("/metrics", get(scrape))
        .with_state((tokens.clone(), recorder));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let metrics = format!("http://{}/metrics", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let client = legacy::Client::builder(TokioExecutor::new()).build_http();
    let api = EnkashAuthLayer::new(tokens)
        .replay(ReplayPolicy::default())
        .layer(client.clone());
    for nth in 0..11 {
        if nth == 10 {
            sandbox.issuer().revoke_all();
        }
        let uri = format!("{}/api/v0/cards", sandbox.base_url());
        let request = Request::get(uri).body(Full::<Bytes>::default())?;
        api.clone().oneshot(request).await?;
    }

    let request = Request::get(metrics).body(Full::default())?;
    let scraped = client.request(request).await?.into_body().collect().await?;
    let text = String::from_utf8(scraped.to_bytes().into())?;
    let mut lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("enkash_auth_") && !line.contains("_seconds"))
        .map(|line| line.replace(&account, "(a hash)"))
        .collect();
    lines.sort();
    writeln!(io::stdout(), "{}", lines.join("\n"))?;
    Ok(())
}
