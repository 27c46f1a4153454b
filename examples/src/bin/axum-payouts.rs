//! An axum service that makes payouts through EnKash's API.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin axum-payouts
//! ```
//!
//! It starts a server that behaves like EnKash's and the service, each on a loopback port, and orders
//! payouts while faults occur. It prints the responses: above all whether a payment may have been sent,
//! and so whether it may be repeated.
//!
//! Its stack for calls to the API is, from the outermost layer inwards: a timeout for the whole call, a
//! retry if there was no token, and the token.

use std::{
    io::{self, Write},
    time::Duration,
};

use axum::{Router, extract::State, routing::post};
use enkash_auth_axum::{Forwarded, Problem, health};
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Endpoint, Fault, Sandbox};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, ReplayPolicy, TokenCache, TokenEndpoint, TokenRetry,
};
use http::StatusCode;
use reqwest::{Request, Response, redirect};
use tower::{ServiceBuilder, ServiceExt, retry::RetryLayer, util::BoxCloneSyncService};

type Api = BoxCloneSyncService<Request, Response, BoxError>;

/// Makes a payout. The question mark converts errors of the API's stack to problems.
async fn pay(
    State((client, url, api)): State<(reqwest::Client, String, Api)>,
    order: String,
) -> Result<(StatusCode, String), Problem> {
    let request = client.post(url).body(order.clone()).build();
    let response = api.oneshot(request.map_err(BoxError::from)?).await?;
    match response.status() {
        status if status.is_success() => Ok((StatusCode::CREATED, order)),
        status => Err(Problem::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown)
            .detail(format!("the API returned {status}"))),
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);
    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .build()?;
    let api = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(RetryLayer::new(TokenRetry::new()))
        .layer(EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default()))
        .service(client.clone());
    let url = format!("{}/api/v0/payouts", sandbox.base_url());
    let app = Router::new()
        .route("/payouts", post(pay))
        .with_state((client.clone(), url, Api::new(api)))
        .merge(health::router(tokens));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/payouts", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let order = async |what_happens: &str| {
        let response = client.post(&url).body("amount=100").send().await?;
        let (status, problem) = (response.status(), response.text().await?);
        writeln!(io::stdout(), "{what_happens}: {status} {problem}")?;
        Ok::<_, BoxError>(())
    };
    let issuer = sandbox.issuer();
    issuer.order(Fault::ServerError.at(Endpoint::Token).times(2));
    order("The token server fails twice").await?;
    issuer.revoke_all();
    order("The token was revoked").await?;
    issuer.order(Fault::CloseAfterReading.at(Endpoint::Api));
    order("The API hangs up").await?;
    issuer.order(Fault::Hang.at(Endpoint::Api));
    order("The API does not respond").await?;
    let retry_after = Some(Duration::from_secs(60));
    issuer.order(Fault::TooManyRequests { retry_after }.at(Endpoint::Token));
    issuer.revoke_all();
    order("The token was revoked, and there is no other").await?;
    order("There is no token").await
}
