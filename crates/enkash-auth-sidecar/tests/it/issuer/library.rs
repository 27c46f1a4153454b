use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Error, ErrorKind, MemoryStore, ReplayPolicy, TokenCache,
    TokenEndpoint,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use tokio::{task::JoinSet, time::sleep};
use tower::{Layer, ServiceExt};

use super::server::{CLIENT, CLIENT_SECRET, PASSWORD, Server, USER};

/// Returns a new cache with `password`.
fn tokens(server: &Server, secret: &str, password: &str) -> TokenCache {
    let environment = Environment::custom(server.base()).unwrap();
    let credentials = Credentials::password(Client::new(CLIENT, secret), User::new(USER, password));
    TokenCache::builder(TokenEndpoint::new(environment, credentials).unwrap())
        // Ports are reused, and with them accounts, so each test needs its own store.
        .store(Arc::new(MemoryStore::new()))
        .build()
}

async fn call(server: &Server, tokens: &TokenCache) -> Result<StatusCode, BoxError> {
    let service = EnkashAuthLayer::new(tokens.clone())
        .replay(ReplayPolicy::default())
        .layer(server.client());
    let request = Request::get(format!("{}/api/v0/any", server.base()));
    let request = request.body(Full::<Bytes>::default())?;
    let (head, body) = service.oneshot(request).await?.into_parts();
    body.collect().await?;
    Ok(head.status)
}

#[tokio::test]
#[ignore = "needs the Python issuer"]
async fn password_grant_returns_token_accepted_by_api() {
    let server = Server::start(300).await;
    let tokens = tokens(&server, CLIENT_SECRET, PASSWORD);
    for _ in 0..10 {
        assert_eq!(call(&server, &tokens).await.unwrap(), StatusCode::OK);
    }
    let left = tokens.status().remaining().unwrap();
    assert!(left < Duration::from_secs(300), "{left:?}");
    assert!(left > Duration::from_secs(240), "{left:?}");
    let seen = server.counters().await;
    assert_eq!((seen.token_requests, seen.api_calls), (1, 10));
}

#[tokio::test]
#[ignore = "needs the Python issuer"]
async fn expiring_tokens_are_replaced_without_failed_calls() {
    let server = Server::start(2).await;
    let tokens = tokens(&server, CLIENT_SECRET, PASSWORD);
    while tokens.status().generation() < Some(3) {
        assert_eq!(call(&server, &tokens).await.unwrap(), StatusCode::OK);
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.counters().await.token_rejections, 0);
}

#[tokio::test]
#[ignore = "needs the Python issuer"]
async fn call_with_revoked_token_is_replayed_with_new_token() {
    let server = Server::start(300).await;
    let tokens = tokens(&server, CLIENT_SECRET, PASSWORD);
    let first = tokens.token().await.unwrap();
    server.revoke(first.expose()).await;
    assert_eq!(call(&server, &tokens).await.unwrap(), StatusCode::OK);
    let seen = server.counters().await;
    assert_eq!((seen.token_requests, seen.api_unauthorized), (2, 1));
}

#[tokio::test]
#[ignore = "needs the Python issuer"]
async fn wrong_password_or_secret_is_sent_once() {
    for (secret, password) in [(CLIENT_SECRET, "wrong"), ("wrong", PASSWORD)] {
        let server = Server::start(300).await;
        let tokens = tokens(&server, secret, password);
        for _ in 0..2 {
            let mut callers = JoinSet::new();
            for _ in 0..10 {
                callers.spawn(tokens.token());
            }
            for rejected in callers.join_all().await {
                assert_eq!(rejected.unwrap_err().kind(), ErrorKind::Rejected);
            }
        }
        let rejected = call(&server, &tokens).await.unwrap_err();
        let rejected = rejected.downcast_ref::<Error>().unwrap();
        assert_eq!(rejected.kind(), ErrorKind::Rejected);
        let seen = server.counters().await;
        assert_eq!((seen.token_requests, seen.token_rejections), (1, 1));
        assert_eq!(seen.api_calls, 0);
    }
}
