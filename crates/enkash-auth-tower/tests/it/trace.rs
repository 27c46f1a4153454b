//! Traces of `tower-http` that include all headers show no token.

use enkash_auth_tower::EnkashAuthLayer;
use http::{HeaderValue, header::AUTHORIZATION};
use tower::{ServiceBuilder, ServiceExt};
use tower_http::trace::{DefaultMakeSpan, DefaultOnRequest, DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::{
    log::Log,
    support::{Kit, Recorder, get, rules},
};

#[tokio::test(start_paused = true)]
async fn trace_layers_above_and_below_show_no_token() {
    let kit = Kit::new(rules(300, 10));
    let log = Log::start();
    let trace = || {
        TraceLayer::new_for_http()
            .make_span_with(
                DefaultMakeSpan::new()
                    .level(Level::INFO)
                    .include_headers(true),
            )
            .on_request(DefaultOnRequest::new().level(Level::INFO))
            .on_response(
                DefaultOnResponse::new()
                    .level(Level::INFO)
                    .include_headers(true),
            )
    };
    let inner = Recorder::default();
    let client = ServiceBuilder::new()
        .layer(trace())
        .layer(EnkashAuthLayer::new(kit.tokens.clone()))
        .layer(trace())
        .service(inner.clone());
    for _ in 0..3 {
        let mut request = get("http://localhost/api");
        let value = HeaderValue::from_static("this is shown");
        request.headers_mut().insert("x-test", value);
        client.clone().oneshot(request).await.unwrap();
    }

    let text = log.text();
    let token = kit.tokens.peek().unwrap();
    assert_eq!(inner.calls(), 3);
    assert!(!text.contains(token.expose()), "{text}");
    // The trace above sees no header, the one below a sensitive one.
    assert!(text.contains("this is shown"), "{text}");
    assert!(
        text.contains(&format!("{AUTHORIZATION:?}: Sensitive")),
        "{text}"
    );
}
