//! An axum service that makes payouts through EnKash's API.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin axum-payouts
//! ```
//!
//! It starts a server that behaves like EnKash's and the service, each on a loopback port, and requests
//! payouts from the service while faults occur. It prints the responses, above all whether a payment
//! may have been sent, and so whether it may be repeated.
//!
//! `app` is the service, `api` its stack of layers for calls to the API.

mod api;
mod app;

use std::{
    io::{self, Write},
    time::Duration,
};

use axum::Router;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Endpoint, Fault, Issuer, Sandbox};
use enkash_auth_tower::{BoxError, TokenCache, TokenEndpoint};
use tokio::net::TcpListener;

use self::{api::Api, app::App};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);
    let api = Api::new(tokens.clone(), &sandbox.base_url())?;
    let caller = Caller::of(app::router(App { tokens, api })).await?;

    play(sandbox.issuer(), &caller).await?;
    let payouts = sandbox.issuer().counters().api_calls;
    writeln!(io::stdout(), "calls that the API saw: {payouts}")?;
    Ok(())
}

/// Orders faults, and makes a payout with each.
async fn play(issuer: &Issuer, caller: &Caller) -> Result<(), BoxError> {
    issuer.order(
        Fault::Page {
            status: http::StatusCode::SERVICE_UNAVAILABLE,
        }
        .at(Endpoint::Token)
        .times(3),
    );
    caller
        .pay("The token server fails three times, and is well")
        .await?;

    issuer.revoke_all();
    caller.pay("The token was revoked").await?;

    issuer.order(Fault::CloseAfterReading.at(Endpoint::Api));
    caller.pay("The API hangs up").await?;

    issuer.order(Fault::Hang.at(Endpoint::Api));
    caller.pay("The API does not respond").await?;

    let retry_after = Some(Duration::from_secs(60));
    issuer.order(Fault::TooManyRequests { retry_after }.at(Endpoint::Token));
    issuer.revoke_all();
    caller
        .pay("The token was revoked, and there is no other")
        .await?;
    caller.pay("There is no token").await?;
    Ok(())
}

/// A caller without a token.
struct Caller {
    client: reqwest::Client,
    url: String,
}

impl Caller {
    /// Serves `app` on a loopback port, and returns a caller of it.
    async fn of(app: Router) -> Result<Self, BoxError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/payouts", listener.local_addr()?);
        tokio::spawn(async { axum::serve(listener, app).await });
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20));
        Ok(Self {
            client: client.build()?,
            url,
        })
    }

    async fn pay(&self, what_happens: &str) -> Result<(), BoxError> {
        let order = self.client.post(&self.url).body(r#"{"amount":100}"#);
        let order = order.header("content-type", "application/json");
        let response = order.send().await?;
        let status = response.status();
        let mut out = io::stdout();
        writeln!(
            out,
            "{what_happens}:\n  {status}\n  {}",
            response.text().await?
        )?;
        Ok(())
    }
}
