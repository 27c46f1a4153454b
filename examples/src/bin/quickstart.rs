//! A thousand calls on a cold cache, expiring tokens, a revoked token and an outage, over real HTTP.
//!
//! ```sh
//! cargo run --release -p enkash-auth-examples --bin quickstart
//! ```
//!
//! It starts a server that behaves like EnKash's on a loopback port, and calls it through
//! `EnkashAuthLayer`. Each phase prints its calls, the token requests as the server counted them, and
//! the slowest call. The first call that fails ends the program. A run takes some 19 s.

use std::{
    io::{self, Write},
    time::Duration,
};

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Endpoint, Fault, Issuer, Issuing, Rules, Sandbox};
use enkash_auth_tower::{BoxError, EnkashAuthLayer, ReplayPolicy, TokenCache, TokenEndpoint};
use reqwest::redirect;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::{ServiceBuilder, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let rules = Rules::new()
        .lifetime(Duration::from_secs(60))
        .delay(Duration::from_millis(20))
        .issuing(Issuing::Rotating);
    let issuer = Issuer::builder().rules(rules).build();
    let sandbox = Sandbox::builder().issuer(issuer.clone()).start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let endpoint = TokenEndpoint::new(Environment::custom(&sandbox.base_url())?, credentials)?;
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()?;
    let api = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(TokenCache::new(endpoint)).replay(ReplayPolicy::default()))
        // Inside the layer: calls that wait for a token hold no connection.
        .concurrency_limit(64)
        .service(client.clone());

    let run = async |phase: &str, count: u32, pause: Duration| {
        let before = issuer.counters().token_requests;
        let mut calls = JoinSet::new();
        for nth in 0..count {
            let request = client.get(format!("{}/api/v0/payouts", sandbox.base_url()));
            let (api, request) = (api.clone(), request.build()?);
            calls.spawn(async move {
                sleep(pause * nth).await;
                let start = Instant::now();
                let response = api.oneshot(request).await?;
                response.error_for_status()?.bytes().await?;
                Ok::<_, BoxError>(start.elapsed())
            });
        }
        let mut slowest = Duration::ZERO;
        while let Some(call) = calls.join_next().await {
            slowest = slowest.max(call??);
        }
        let requests = issuer.counters().token_requests - before;
        writeln!(
            io::stdout(),
            "{phase}: {count} calls, none failed, token requests: {requests}, slowest: {slowest:.1?}"
        )?;
        Ok::<_, BoxError>(())
    };
    run("cold start, all at once", 1_000, Duration::ZERO).await?;
    let replace_token = |lifetime| {
        issuer.change_rules(|rules| rules.lifetime(Duration::from_secs(lifetime)));
        issuer.revoke_all();
    };
    let pause = Duration::from_millis(5);
    replace_token(3);
    run("tokens expire, 200 a second", 1_100, pause).await?;
    // It outlives three failed requests for the next one.
    replace_token(12);
    run("token revoked, all at once", 1_000, Duration::ZERO).await?;
    let outage = async {
        // A refresh that is due is over by then.
        sleep(Duration::from_secs(1)).await;
        issuer.order(Fault::ServerError.at(Endpoint::Token).times(3));
    };
    tokio::join!(run("token outage, 200 a second", 2_400, pause), outage).0
}
