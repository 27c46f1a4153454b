//! What the layer does to a request.

use enkash_auth_tower::{EnkashAuthLayer, ErrorKind};
use http::{HeaderValue, header::AUTHORIZATION};
use tokio::time::{Duration, sleep};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

use crate::support::{Kit, Recorder, call, get, rules};

#[tokio::test(start_paused = true)]
async fn every_request_carries_the_token() {
    let kit = Kit::new(rules(300, 10));
    let mut client = kit.client();
    for _ in 0..5 {
        assert_eq!(call(&mut client).await.unwrap(), 200);
    }
    let counters = kit.issuer.counters();
    assert_eq!((counters.token_requests, counters.api_calls), (1, 5));
}

#[tokio::test(start_paused = true)]
async fn existing_authorization_header_is_replaced() {
    let kit = Kit::new(rules(300, 10));
    let inner = Recorder::default();
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(inner.clone());
    for _ in 0..3 {
        let mut request = get("http://localhost/api");
        for value in ["Basic YTpi", "Bearer mine"] {
            request
                .headers_mut()
                .append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        client.ready().await.unwrap().call(request).await.unwrap();
    }
    let token = kit.tokens.peek().unwrap();
    assert_eq!(inner.tokens(), vec![token.header().to_str().unwrap(); 3]);
}

#[tokio::test(start_paused = true)]
async fn kept_and_cloned_handles_switch_tokens_together() {
    let kit = Kit::new(rules(60, 10));
    let inner = Recorder::default();
    let mut kept = EnkashAuthLayer::new(kit.tokens.clone()).layer(inner.clone());
    let mut seen = Vec::new();
    for _ in 0..4 {
        for _ in 0..3 {
            call(&mut kept).await.unwrap();
            call(&mut kept.clone()).await.unwrap();
        }
        let tokens = inner.tokens();
        let last = tokens[tokens.len() - 6..].to_vec();
        assert!(last.iter().all(|token| *token == last[0]), "{last:?}");
        seen.push(last[0].clone());
        // Into the refresh window, where a call starts the refresh, and past its end.
        sleep(Duration::from_secs(55)).await;
        call(&mut kept).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
    seen.dedup();
    assert_eq!(seen.len(), 4);
    assert_eq!(kit.issuer.counters().token_requests, 5);
}

#[tokio::test(start_paused = true)]
async fn token_error_comes_from_call_not_poll_ready() {
    let kit = Kit::new(rules(300, 10));
    kit.issuer.set_outage(true);
    let inner = Recorder::default();
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(inner.clone());
    for _ in 0..2 {
        let error = call(&mut client).await.unwrap_err();
        let error = error.downcast_ref::<enkash_auth_tower::Error>().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(inner.calls(), 0);

    kit.issuer.set_outage(false);
    sleep(Duration::from_secs(1)).await;
    call(&mut client).await.unwrap();
    assert_eq!(inner.calls(), 1);
}

#[tokio::test(start_paused = true)]
async fn token_request_passes_through_own_layer() {
    use enkash_auth_core::{Credentials, Environment};
    use enkash_auth_tower::{TokenCache, TokenEndpoint};

    let kit = Kit::new(rules(300, 10));
    // The mistake: token requests go through a client that attaches tokens.
    let client = ServiceBuilder::new()
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .service(enkash_auth_sandbox::SandboxService::new(kit.issuer.clone()));
    let credentials: Credentials = crate::support::credentials(&kit.user, "password");
    let base = Environment::custom(crate::support::BASE).unwrap();
    let endpoint = TokenEndpoint::with_service(base, credentials, client).unwrap();
    TokenCache::new(endpoint).token().await.unwrap();
    assert_eq!(kit.tokens.status().fetches(), 0);
}
