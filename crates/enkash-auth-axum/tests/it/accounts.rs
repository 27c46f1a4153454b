//! Handlers for many accounts: the extractor, and probes.

use axum::{Router, body::Body, extract::FromRequestParts, routing::get};
use enkash_auth_axum::{
    AccountToken, Accounts, BoxError, Client, Credentials, Proxy, ProxyBody, TokenServer, User,
    health,
};
use enkash_auth_sandbox::{Issuer, SandboxService};
use enkash_auth_tower::{EnkashAuthLayer, RequestView};
use http::{HeaderName, Request, Response, StatusCode, request::Parts};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::support;

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct Merchant(String);

impl<S: Sync> FromRequestParts<S> for Merchant {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let name = parts.headers.get("x-merchant");
        let name = name.ok_or((StatusCode::UNAUTHORIZED, "which merchant?"))?;
        Ok(Self(name.to_str().unwrap().to_owned()))
    }
}

async fn source(Merchant(name): Merchant) -> Result<Credentials, BoxError> {
    let password = match &*name {
        "anna" | "bert" => "password",
        "carl" => "hunter2",
        _ => return Err("row not found".into()),
    };
    let client = Client::new("client-id", "client-secret");
    Ok(Credentials::password(client, User::new(name, password)))
}

/// The server of the merchants, and their accounts.
fn accounts() -> (Issuer, Accounts<Merchant>) {
    let known = ["anna", "bert", "carl"]
        .into_iter()
        .fold(enkash_auth_sandbox::Accounts::none(), |known, name| {
            known.user(name, "password")
        });
    let known = known.client("client-id", "client-secret");
    let issuer = Issuer::builder().accounts(known).build();
    let service = SandboxService::new(issuer.clone());
    let server = TokenServer::with_service(support::a_server(), service);
    (issuer, Accounts::builder(server.unwrap(), source).build())
}

async fn expose(AccountToken(token, Merchant(name)): AccountToken<Merchant>) -> String {
    format!("{name} {}", token.expose())
}

fn app(accounts: &Accounts<Merchant>) -> Router {
    Router::new()
        .route("/expose", get(expose))
        .merge(health::router(accounts.clone()))
        .with_state(accounts.clone())
}

fn by(name: &str) -> Request<Body> {
    let mut request = support::get("/expose");
    request
        .headers_mut()
        .insert("x-merchant", name.parse().unwrap());
    request
}

async fn text(app: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn extracted_token_is_that_of_the_account() {
    let (issuer, accounts) = accounts();
    let app = app(&accounts);
    let mut tokens = Vec::new();
    for name in ["anna", "bert", "anna"] {
        let (status, body) = text(&app, by(name)).await;
        let (of, token) = body.split_once(' ').unwrap();
        assert_eq!((status, of), (StatusCode::OK, name));
        assert!(issuer.accepts(token));
        tokens.push(token.to_owned());
    }
    assert_eq!(tokens[0], tokens[2]);
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(issuer.counters().token_requests, 2);
}

#[tokio::test]
async fn rejection_of_the_id_is_the_response() {
    let (issuer, accounts) = accounts();
    let (status, body) = text(&app(&accounts), support::get("/expose")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body, "which merchant?");
    assert!(accounts.is_empty());
    assert_eq!(issuer.counters().token_requests, 0);
}

#[tokio::test]
async fn rejected_account_is_a_problem() {
    let (issuer, accounts) = accounts();
    for _ in 0..3 {
        let response = app(&accounts).oneshot(by("carl")).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        let problem = support::problem(response).await;
        assert_eq!(problem["class"], "rejected");
        assert_eq!(problem["forwarded"], false);
    }
    assert_eq!(issuer.counters().token_requests, 1);
}

#[tokio::test]
async fn failed_source_is_a_transient_problem() {
    let (issuer, accounts) = accounts();
    let response = app(&accounts).oneshot(by("dora")).await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let problem = support::problem(response).await;
    assert_eq!(problem["class"], "no-credentials");
    assert_eq!(problem["detail"], "credentials unavailable");
    assert_eq!(problem["forwarded"], false);
    assert_eq!(problem["retry_after"], 1);
    assert_eq!(issuer.counters().token_requests, 0);
}

#[tokio::test]
async fn failing_account_leaves_service_ready_and_is_reported() {
    let (_issuer, accounts) = accounts();
    let app = app(&accounts);
    for (name, expected) in [
        ("anna", StatusCode::OK),
        ("carl", StatusCode::BAD_GATEWAY),
        ("dora", StatusCode::SERVICE_UNAVAILABLE),
    ] {
        assert_eq!(text(&app, by(name)).await.0, expected);
    }
    let of_carl = accounts.get(&Merchant("carl".into())).unwrap().account();
    let label = of_carl.unwrap().to_string();
    for path in ["/-/ready", "/-/status"] {
        let (status, body) = text(&app, support::get(path)).await;
        assert_eq!(status, StatusCode::OK);
        let report: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(report["accounts"], 3);
        assert_eq!(report["without_credentials"], 1);
        let troubled = report["troubled"].as_object().unwrap();
        assert_eq!(troubled.keys().collect::<Vec<_>>(), [&label]);
        assert_eq!(troubled[&label]["state"], "closed");
        assert_eq!(troubled[&label]["last_error"], "rejected");
        assert_eq!(troubled[&label]["strikes"], 1);
        for secret in ["carl", "hunter2", "client-secret", "client-id"] {
            assert!(!body.contains(secret), "{body}");
        }
    }
}

#[tokio::test]
async fn proxy_attaches_token_of_account_that_request_names() {
    let (issuer, accounts) = accounts();
    let layer = EnkashAuthLayer::per_account(accounts, |request: &mut RequestView<'_>| {
        let name = request.take_header(HeaderName::from_static("x-merchant"))?;
        Some(Merchant(name.to_str().ok()?.to_owned()))
    });
    let echo = tower::service_fn(async |request: Request<ProxyBody>| {
        assert!(!request.headers().contains_key("x-merchant"));
        let token = request.headers()["authorization"].as_bytes().to_vec();
        Ok::<_, BoxError>(Response::new(Body::from(token)))
    });
    let upstream = "http://127.0.0.1:4032".parse().unwrap();
    let proxy = Proxy::with_layer(layer, upstream).build_with(echo).unwrap();
    let mut tokens = Vec::new();
    for name in ["anna", "bert", "anna"] {
        let mut request = support::get("/api/v0/payouts");
        let name = name.parse().unwrap();
        request.headers_mut().insert("x-merchant", name);
        let response = support::call(&proxy, request).await;
        assert_eq!(response.status(), StatusCode::OK);
        tokens.push(response.into_body().collect().await.unwrap().to_bytes());
    }
    assert_ne!(tokens[0], tokens[1]);
    assert_eq!(tokens[0], tokens[2]);
    assert_eq!(issuer.counters().token_requests, 2);
    let response = support::call(&proxy, support::get("/api/v0/payouts")).await;
    assert_eq!(support::problem(response).await["class"], "no-account");
}
