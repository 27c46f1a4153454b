//! The layer on reqwest's client, with redirects followed outside it.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin reqwest-client
//! ```
//!
//! It starts two servers that behave like EnKash's on loopback ports, and calls the first. A redirect
//! within it is followed, with a token; one to the second is not, so the second receives nothing.
//!
//! Redirects are off in reqwest's client, which would follow them inside the layer; `tower-http` follows
//! them outside, so that the layer checks each hop.

use std::io::{self, Write};

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Endpoint, Fault, Sandbox};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, NotCalled, ReplayPolicy, TokenCache, TokenEndpoint,
};
use reqwest::{Body, redirect};
use tower::{Layer, Service, ServiceBuilder, ServiceExt, service_fn};
use tower_http::follow_redirect::FollowRedirectLayer;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (sandbox, other) = (Sandbox::start().await?, Sandbox::start().await?);
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);

    let client = reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        // Both servers are on this machine.
        .no_proxy()
        .build()?;
    // One line: from here on, `calls` takes reqwest's requests and attaches a token.
    let calls = EnkashAuthLayer::new(tokens)
        .replay(ReplayPolicy::default())
        .layer(client.clone());

    let mut out = io::stdout();
    let url = format!("{}/api/v0/payouts", sandbox.base_url());
    let request = client.post(&url).body("amount=100").build()?;
    let response = calls.clone().oneshot(request).await?;
    writeln!(out, "a call: {}", response.status())?;

    let following = ServiceBuilder::new()
        .layer(FollowRedirectLayer::new())
        .service(service_fn(|request| send(calls.clone(), request)));
    for (name, to) in [
        ("within the origin", "/api/v0/cards".to_owned()),
        ("to another origin", format!("{}/steal", other.base_url())),
    ] {
        let redirect = Fault::Redirect { to: Some(to) };
        sandbox.issuer().order(redirect.at(Endpoint::Api));
        let request = http::Request::get(&url).body(Body::default())?;
        match following.clone().oneshot(request).await {
            Ok(response) => writeln!(out, "a redirect {name}: {}", response.status())?,
            Err(error) => {
                let kind = NotCalled::of(&*error).map(|it| it.error().kind());
                let kind = kind.ok_or(error)?;
                writeln!(out, "a redirect {name}: {kind}")?;
            }
        }
    }
    let seen = other.issuer().counters().api_calls;
    writeln!(out, "calls that the other origin saw: {seen}")?;
    Ok(())
}

/// Sends an `http` request, as `FollowRedirect` requires, as one of reqwest.
async fn send<S>(calls: S, request: http::Request<Body>) -> Result<http::Response<Body>, BoxError>
where
    S: Service<reqwest::Request, Response = reqwest::Response, Error = BoxError>,
{
    let response = calls.oneshot(request.try_into()?).await?;
    Ok(response.into())
}
