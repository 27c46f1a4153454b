//! No printed value holds a secret.

use std::{io::Write, sync::Arc};

use enkash_auth_core::{Client, Credentials, User};
use enkash_auth_tower::{EnkashAuthLayer, TokenCache, TokenEndpoint, TokenRequestBody};
use http::Response;
use tokio::time::{Duration, sleep};
use tower::{Layer, ServiceExt};

use crate::{
    log::Log,
    support::{Recorder, TokioClock, environment, get, user},
};

const SECRETS: [&str; 5] = [
    "s3cret-client",
    "s3cret-password",
    "s3cret-api-key",
    "s3cret-field",
    "s3cret-token-0123456789",
];

/// Returns the responses in turn: a token, then failures and rejections that echo secrets.
fn responses(nth: usize) -> Response<String> {
    let (status, body) = match nth {
        0 => (
            200,
            r#"{"access_token":"s3cret-token-0123456789","expires_in":8}"#.to_owned(),
        ),
        1 => (503, format!("echo: {SECRETS:?}")),
        2 => (
            200,
            r#"{"resultCode":500,"resultMessage":"token s3cret-token-0123456789 s3cret-password"}"#
                .to_owned(),
        ),
        3 => (
            418,
            format!(
                r#"{{"error":"s3cret-field","error_description":"{}"}}"#,
                SECRETS.join(" ")
            ),
        ),
        _ => (
            400,
            format!(
                r#"{{"error":"invalid_grant","error_description":"{}"}}"#,
                SECRETS.join(",")
            ),
        ),
    };
    Response::builder().status(status).body(body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn logs_errors_and_metrics_hold_no_secret() {
    let mut log = Log::start();
    #[cfg(feature = "metrics")]
    let (_guard, snapshotter) = crate::metrics::recorder();
    let credentials = Credentials::password(
        Client::new("client-id", "s3cret-client"),
        User::new(user(), "s3cret-password"),
    )
    .api_key("s3cret-api-key")
    .form_field("extra", "s3cret-field");
    log.note(&credentials);
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let service = tower::service_fn(move |request: http::Request<TokenRequestBody>| {
        tracing::trace!(headers = ?request.headers(), "a client that logs what it sends");
        let response = responses(asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        async move { Ok::<_, std::convert::Infallible>(response) }
    });
    let endpoint = TokenEndpoint::with_service(environment(), credentials, service).unwrap();
    let tokens = TokenCache::builder(endpoint)
        .clock(TokioClock::new())
        .build();
    let layer = EnkashAuthLayer::new(tokens.clone());
    for _ in 0..60 {
        let service = layer.layer(Recorder::default());
        match service.oneshot(get("http://localhost/api")).await {
            Ok(response) => log.note(response),
            Err(error) => {
                writeln!(log, "{error}").unwrap();
                log.note(&error);
                log.note(error.downcast_ref::<enkash_auth_tower::Error>().unwrap());
            }
        }
        log.note((&tokens, tokens.status(), tokens.peek()));
        log.note((&layer, tokens.token()));
        sleep(Duration::from_secs(1)).await;
    }

    #[cfg(feature = "metrics")]
    log.note(snapshotter.snapshot().into_vec());
    let text = log.text();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    for expected in [
        "token fetched",
        "token fetch failed",
        "credentials rejected",
        "[…]",
    ] {
        assert!(
            text.contains(expected),
            "{expected} missing: the test looks at nothing"
        );
    }
    assert!(tokens.status().token_requests() >= 5);
}
