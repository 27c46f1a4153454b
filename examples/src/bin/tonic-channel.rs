//! The layer on tonic's channel.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin tonic-channel
//! ```
//!
//! It starts a server that behaves like EnKash's, for tokens, and a gRPC service that requires such a
//! token, each on a loopback port. It prints the response to a call; to one whose token was revoked:
//! unauthenticated for gRPC, a success for HTTP; and to one after that, which carries another token.

use std::io::{self, Write};

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Issuer, Sandbox};
use enkash_auth_tower::{
    BoxError, Classifier, EnkashAuthLayer, Evidence, Seen, TokenCache, TokenEndpoint,
};
use tokio::net::TcpListener;
use tonic::{
    Request, Status,
    service::interceptor::InterceptedService,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceBuilder;

/// Knows how gRPC rejects a token: by a status of its own.
#[derive(Debug)]
struct Grpc;

impl Classifier for Grpc {
    fn classify(&self, response: &Seen<'_>) -> Evidence {
        match response.headers().get(Status::GRPC_STATUS) {
            Some(status) if status == "16" => Evidence::Proof,
            _ => Evidence::Nothing,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let sandbox = Sandbox::start().await?;
    let address = serve(sandbox.issuer().clone()).await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);

    let channel = Endpoint::from_shared(address)?.connect().await?;
    // The channel adds scheme and host inside the layer, which has to assume them.
    let calls = ServiceBuilder::new()
        .layer(
            EnkashAuthLayer::new(tokens.clone())
                .assume_origin()
                .classifier(Grpc),
        )
        .map_response(|response: http::Response<_>| {
            // If standard output is closed, the exit code remains.
            let _ = writeln!(io::stdout(), "HTTP: {}", response.status());
            response
        })
        .service(channel);
    let mut client = HealthClient::new(calls);

    let mut out = io::stdout();
    for is_revoked in [false, true, false] {
        if is_revoked {
            sandbox.issuer().revoke_all();
        }
        match client.check(HealthCheckRequest::default()).await {
            Ok(response) => {
                let status = response.into_inner().status();
                writeln!(out, "gRPC: {}", status.as_str_name())?;
            }
            Err(status) => writeln!(out, "gRPC: {:?}, {}", status.code(), status.message())?,
        }
        // Until the next token is there.
        tokens.idle().await;
    }
    let requests = sandbox.issuer().counters().token_requests;
    writeln!(out, "token requests: {requests}")?;
    Ok(())
}

/// Serves gRPC's health service to callers with a token of `issuer`.
async fn serve(issuer: Issuer) -> Result<String, BoxError> {
    let (_, health) = tonic_health::server::health_reporter();
    let guarded = InterceptedService::new(health, move |request: Request<()>| {
        let header = request.metadata().get("authorization");
        let token = header.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        match token {
            Some(token) if issuer.accepts(token) => Ok(request),
            _ => Err(Status::unauthenticated("no valid token")),
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("http://{}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener);
    tokio::spawn(
        Server::builder()
            .add_service(guarded)
            .serve_with_incoming(incoming),
    );
    Ok(address)
}
