//! `NotCalled` marks the layer's own errors, and no error of the inner service.

use std::{
    error::Error as StdError,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Error, ErrorKind, NotCalled, NotSent, Target, TokenEndpoint,
    TokenRequestBody,
};
use http::{Method, Request, Response};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Kit, Recorder, cache, credentials, environment, get, rules, user};

#[tokio::test(start_paused = true)]
async fn layer_error_names_the_call_not_made() {
    let kit = Kit::new(rules(300, 10));
    kit.issuer.set_outage(true);
    let layer = EnkashAuthLayer::new(kit.tokens.clone());
    // During the failing fetch; in the backoff after it; to a foreign origin.
    for (uri, kind) in [
        ("http://localhost/pay?pin=1234", ErrorKind::Unavailable),
        ("http://localhost/pay?pin=1234", ErrorKind::Unavailable),
        ("https://example.com/pay?pin=1234", ErrorKind::ForeignOrigin),
    ] {
        let inner = Recorder::default();
        let mut request = get(uri);
        *request.method_mut() = Method::POST;
        let error = layer
            .layer(inner.clone())
            .oneshot(request)
            .await
            .unwrap_err();
        assert_eq!(inner.calls(), 0);

        let not_called = NotCalled::of(&*error).unwrap();
        assert_eq!(not_called.method(), Method::POST);
        assert_eq!(not_called.error().kind(), kind);
        assert_eq!(not_called.to_string(), "the call was not made");
        assert!(NotCalled::of(not_called.error()).is_none());
        let is_about = |method: Method, uri: &str| {
            let uri = uri.parse().unwrap();
            not_called.is_about(&method, Target::Uri(&uri))
        };
        assert!(is_about(Method::POST, uri));
        assert!(!is_about(Method::GET, uri));
        assert!(!is_about(Method::POST, "http://localhost/pay?pin=1235"));

        // `NotCalled` sits between the error and its cause, and shows no query.
        assert_eq!(error.to_string(), not_called.error().to_string());
        let cause = not_called.error().source().map(ToString::to_string);
        assert_eq!(not_called.source().map(ToString::to_string), cause);
        let printed = format!("{error} {error:?} {not_called} {not_called:?}");
        assert!(!printed.contains("1234"), "{printed}");
    }
}

#[tokio::test(start_paused = true)]
async fn wait_timeout_carries_not_called() {
    let mut policy = enkash_auth_tower::RefreshPolicy::default();
    policy.wait_timeout = Duration::from_secs(1);
    let kit = Kit::with_policy(rules(300, 3_000), policy);
    let error = kit.client().oneshot(get("http://localhost/")).await;
    let error = error.unwrap_err();
    assert_eq!(
        NotCalled::of(&*error).unwrap().error().kind(),
        ErrorKind::WaitTimeout
    );
}

#[tokio::test(start_paused = true)]
async fn inner_service_error_carries_no_not_called() {
    let kit = Kit::new(rules(300, 10));
    let layer = EnkashAuthLayer::new(kit.tokens.clone());
    let look_alike = || Error::new(ErrorKind::Unavailable, "status 503");
    for error in [
        BoxError::from(look_alike()),
        look_alike().with_source(look_alike()).into(),
        std::io::Error::other(look_alike()).into(),
    ] {
        let text = format!("{error:?}");
        let error = std::sync::Mutex::new(Some(error));
        let below = service_fn(|_: Request<String>| {
            let error = error.lock().unwrap().take().unwrap();
            async move { Err::<Response<String>, _>(error) }
        });
        let error = layer.layer(below).oneshot(get("http://localhost/")).await;
        let error = error.unwrap_err();
        assert!(NotCalled::of(&*error).is_none(), "{text}");
        assert_eq!(format!("{error:?}"), text, "as it came");
    }
}

#[tokio::test(start_paused = true)]
async fn outer_layer_removes_not_called_of_inner_layer() {
    let above = Kit::new(rules(300, 10));
    let below = Kit::new(rules(300, 10));
    below.issuer.set_outage(true);
    let calls = AtomicUsize::new(0);
    let inner = EnkashAuthLayer::new(below.tokens.clone()).layer(Recorder::default());
    let between = service_fn(|request: Request<String>| {
        calls.fetch_add(1, Ordering::Relaxed);
        inner.clone().oneshot(request)
    });
    let layer = EnkashAuthLayer::new(above.tokens.clone());
    // First without a token, then with one.
    for _ in 0..2 {
        let error = layer.layer(between).oneshot(get("http://localhost/")).await;
        let error = error.unwrap_err();
        let kind = error.downcast_ref::<Error>().unwrap().kind();
        assert_eq!(kind, ErrorKind::Unavailable);
        assert!(NotCalled::of(&*error).is_none());
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn readiness_error_after_wait_carries_no_not_called() {
    #[derive(Clone)]
    struct Broken(Arc<AtomicUsize>);

    impl tower::Service<Request<String>> for Broken {
        type Response = Response<String>;
        type Error = Error;
        type Future = std::future::Ready<Result<Response<String>, Error>>;

        /// Ready once.
        fn poll_ready(
            &mut self,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Result<(), Error>> {
            let is_first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
            let error = Error::new(ErrorKind::Unavailable, "broken");
            std::task::Poll::Ready(if is_first { Ok(()) } else { Err(error) })
        }

        fn call(&mut self, _: Request<String>) -> Self::Future {
            std::future::ready(Ok(Response::default()))
        }
    }

    let kit = Kit::new(rules(300, 10));
    let service = EnkashAuthLayer::new(kit.tokens.clone()).layer(Broken(Arc::default()));
    let error = service.oneshot(get("http://localhost/")).await.unwrap_err();
    assert_eq!(error.to_string(), "token server unavailable: broken");
    assert!(NotCalled::of(&*error).is_none());
}

#[test]
fn not_sent_reports_its_cause() {
    let error = NotSent::new("no route");
    assert_eq!(error.to_string(), "nothing was sent");
    assert_eq!(error.source().unwrap().to_string(), "no route");
}

#[tokio::test(start_paused = true)]
async fn not_called_source_leads_to_root_cause() {
    let unreachable = service_fn(|_: Request<TokenRequestBody>| async {
        Err::<Response<String>, _>(NotSent::new("no route"))
    });
    let credentials = credentials(&user(), "password");
    let endpoint = TokenEndpoint::with_service(environment(), credentials, unreachable);
    let layer = EnkashAuthLayer::new(cache(endpoint.unwrap()));
    let call = layer
        .layer(Recorder::default())
        .oneshot(get("http://localhost/pay"));
    let error = call.await.unwrap_err();
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(StdError::source) {
        cause = Some(deeper);
    }
    assert_eq!(cause.unwrap().to_string(), "no route");
}
