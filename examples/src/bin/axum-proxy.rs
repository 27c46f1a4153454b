//! An axum application that forwards the requests that it does not handle itself, with a token.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin axum-proxy
//! ```
//!
//! It starts a server that behaves like EnKash's and the application before it, each on a loopback
//! port, and calls the application without a token: a page of its own, a forwarded call, and the
//! status of the token. `enkash-sidecar` is this as a program, with a guard against web pages.

use std::io::{self, Write};

use axum::{Router, routing::get};
use enkash_auth_axum::{Proxy, health};
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::Sandbox;
use enkash_auth_tower::{BoxError, TokenCache, TokenEndpoint};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let endpoint = TokenEndpoint::new(environment, credentials)?;
    let upstream = endpoint.base_url().origin().clone();
    let tokens = TokenCache::new(endpoint);

    let app: Router = Router::new()
        .route("/hello", get(async || "hello"))
        .merge(health::router(tokens.clone()))
        .fallback_service(Proxy::builder(tokens, upstream).build()?);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    let caller = reqwest::Client::builder().no_proxy().build()?;
    let mut out = io::stdout();
    for path in ["/hello", "/api/v0/payouts", "/-/ready"] {
        let response = caller.get(format!("{base}{path}")).send().await?;
        writeln!(out, "GET {path}: {}", response.status())?;
    }
    let counters = sandbox.issuer().counters();
    writeln!(
        out,
        "forwarded: {}, unauthorized: {}",
        counters.api_calls, counters.api_unauthorized
    )?;
    Ok(())
}
