//! The token, and the headers beside it, are sent to allowed origins only.

use std::{convert::Infallible, future::ready};

use enkash_auth_core::Credentials;
use enkash_auth_tower::{EnkashAuthLayer, Error, ErrorKind, TokenEndpoint, TokenRequestBody};
use http::Request;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Kit, Recorder, cache, environment, get, grant, rules, user};

async fn send(layer: &EnkashAuthLayer, uri: &str) -> Result<(), ErrorKind> {
    let inner = Recorder::default();
    let sent = layer.layer(inner.clone()).oneshot(get(uri)).await;
    assert_eq!(inner.calls(), usize::from(sent.is_ok()), "{uri}");
    match sent {
        Ok(_) => Ok(()),
        Err(error) => Err(error.downcast_ref::<Error>().unwrap().kind()),
    }
}

#[tokio::test(start_paused = true)]
async fn base_origin_receives_the_token() {
    let layer = EnkashAuthLayer::new(Kit::new(rules(300, 10)).tokens);
    for uri in [
        "http://localhost/api",
        "http://LOCALHOST:80/",
        "http://localhost:80?q",
    ] {
        assert_eq!(send(&layer, uri).await, Ok(()), "{uri}");
    }
}

#[tokio::test(start_paused = true)]
async fn foreign_origin_is_blocked() {
    let service =
        service_fn(|_: Request<TokenRequestBody>| ready(Ok::<_, Infallible>(grant("token", 300))));
    let keys = Credentials::merchant(user(), "secret");
    let tokens = cache(TokenEndpoint::with_service(environment(), keys, service).unwrap());
    let layer = EnkashAuthLayer::new(tokens.clone())
        .partner_id("P1")
        .unwrap();
    for uri in [
        "https://localhost/api",
        "http://localhost:8080/api",
        "http://localhost.example.com/api",
        "http://example.com/api",
        "http://localhost@example.com/api",
        "http://user@localhost/api",
        "ws://localhost/api",
        "localhost:80",
        "/api",
        "*",
    ] {
        assert_eq!(
            send(&layer, uri).await,
            Err(ErrorKind::ForeignOrigin),
            "{uri}"
        );
    }
    let fetches = tokens.status().fetches();
    assert_eq!(fetches, 0, "nothing is fetched for them");
}

#[tokio::test(start_paused = true)]
async fn allowed_origin_receives_the_token() {
    let layer = EnkashAuthLayer::new(Kit::new(rules(300, 10)).tokens)
        .allow_origin("https://pay.enkash.in".parse().unwrap());
    assert_eq!(send(&layer, "https://pay.enkash.in/cards").await, Ok(()));
    assert_eq!(send(&layer, "http://localhost/api").await, Ok(()));
    let downgraded = send(&layer, "http://pay.enkash.in/cards").await;
    assert_eq!(downgraded, Err(ErrorKind::ForeignOrigin));
}

#[tokio::test(start_paused = true)]
async fn request_without_authority_needs_assume_origin() {
    let layer = EnkashAuthLayer::new(Kit::new(rules(300, 10)).tokens).assume_origin();
    assert_eq!(send(&layer, "/package.Service/Method").await, Ok(()));
    // An authority without a scheme is not a path.
    for elsewhere in ["http://example.com/", "example.com:443"] {
        let sent = send(&layer, elsewhere).await;
        assert_eq!(sent, Err(ErrorKind::ForeignOrigin), "{elsewhere}");
    }
}
