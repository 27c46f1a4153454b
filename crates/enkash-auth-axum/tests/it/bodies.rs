//! Which bodies are buffered, and how the others stream.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::any_service,
};
use enkash_auth_axum::{Proxy, ProxyBody, ProxyBuilder};
use enkash_auth_sandbox::{Accounts, Issuer, SandboxService};
use enkash_auth_tower::{BoxError, Credentials, TokenCache, TokenEndpoint, replay::ReplayBody};
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody};
use tokio::time::Instant;
use tower::ServiceExt;

use crate::support::{self, Upstream, call, problem, proxy_over};

fn pieces(count: usize, taken: &Arc<AtomicUsize>) -> Body {
    let taken = Arc::clone(taken);
    Body::from_stream(stream::iter(0..count).map(move |_| {
        taken.fetch_add(1, Ordering::Relaxed);
        Ok::<_, BoxError>(Bytes::from_static(&[b'x'; 1024]))
    }))
}

#[tokio::test]
async fn known_length_body_arrives_with_content_length() {
    let upstream = Upstream::new();
    let request = Request::post("/")
        .header("content-length", "5")
        .body(Body::from("hello"))
        .unwrap();
    call(&upstream.proxy(), request).await;
    let (head, length) = upstream.only_call();
    assert_eq!(
        (&head.headers["content-length"], length),
        (&"5".parse().unwrap(), 5)
    );
    assert!(!head.headers.contains_key("transfer-encoding"));
}

#[tokio::test]
async fn content_length_matches_body() {
    for (body, stated, length) in [
        (Body::from("hello"), vec!["3"], 5),
        (Body::from("hello"), vec!["5", "3"], 5),
        (Body::from(vec![b'x'; 70_000]), vec!["3"], 70_000),
        (Body::empty(), vec!["3"], 0),
    ] {
        let upstream = Upstream::new();
        let mut request = Request::post("/").body(body).unwrap();
        for stated in stated {
            let headers = request.headers_mut();
            headers.append("content-length", stated.parse().unwrap());
        }
        call(&upstream.proxy(), request).await;
        let (head, arrived) = upstream.only_call();
        let stated: Vec<_> = head.headers.get_all("content-length").iter().collect();
        assert_eq!((stated, arrived), (vec![&length.into()], length));
    }
}

#[tokio::test]
async fn long_chunked_body_is_chunked_for_any_method() {
    let upstream = Upstream::new();
    let request = Request::get("/").body(pieces(65, &Arc::default())).unwrap();
    call(&upstream.proxy(), request).await;
    let (head, length) = upstream.only_call();
    assert_eq!(head.headers["transfer-encoding"], "chunked");
    assert_eq!(length, 65 * 1024);
}

#[tokio::test]
async fn short_chunked_body_arrives_with_content_length() {
    for count in [0, 3] {
        let upstream = Upstream::new();
        let request = Request::post("/").header("transfer-encoding", "chunked");
        let request = request.body(pieces(count, &Arc::default())).unwrap();
        call(&upstream.proxy(), request).await;
        let (head, length) = upstream.only_call();
        assert_eq!(head.headers["content-length"], (count * 1024).to_string());
        assert!(!head.headers.contains_key("transfer-encoding"));
        assert_eq!(length, count * 1024);
    }
}

/// A proxy to an upstream that keeps the received bodies.
fn keeping() -> (Proxy, Arc<Mutex<Vec<ProxyBody>>>) {
    let kept: Arc<Mutex<Vec<_>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let proxy = proxy_over(tower::service_fn(move |request: Request<ProxyBody>| {
        keep.lock().unwrap().push(request.into_body());
        async { Ok::<_, BoxError>(Response::new(Body::empty())) }
    }));
    (proxy, kept)
}

/// Returns the received body if it was buffered.
async fn collected(
    (proxy, kept): &(Proxy, Arc<Mutex<Vec<ProxyBody>>>),
    body: impl Into<Body>,
) -> Option<ProxyBody> {
    let request = Request::post("/").body(body.into()).unwrap();
    assert_eq!(call(proxy, request).await.status(), StatusCode::OK);
    let body = kept.lock().unwrap().pop().unwrap();
    body.try_clone().map(|_| body)
}

/// The longest body that is buffered.
const LONGEST: usize = 64 * 1024;

#[tokio::test]
async fn body_of_64_kib_is_buffered_and_larger_streams() {
    let proxy = keeping();
    let largest = collected(&proxy, vec![b'x'; LONGEST]).await.unwrap();
    let copy = largest.try_clone().unwrap();
    assert_eq!(copy.collect().await.unwrap().to_bytes().len(), LONGEST);
    let larger = collected(&proxy, vec![b'x'; LONGEST + 1]).await;
    assert!(larger.is_none());
}

#[tokio::test]
async fn chunked_body_of_64_kib_is_buffered_and_longer_streams() {
    let proxy = keeping();
    let longest = collected(&proxy, pieces(64, &Arc::default()))
        .await
        .unwrap();
    let copy = longest.try_clone().unwrap();
    assert_eq!(copy.collect().await.unwrap().to_bytes().len(), LONGEST);
    assert!(
        collected(&proxy, pieces(65, &Arc::default()))
            .await
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn slow_chunked_body_streams_after_one_second() {
    let taking = tower::service_fn(|request: Request<ProxyBody>| async move {
        let mut body = request.into_body();
        let first = body.frame().await.unwrap()?.into_data().unwrap();
        Ok::<_, BoxError>(Response::new(Body::from(first)))
    });
    let first = stream::iter([Ok::<_, BoxError>("a"), Ok("b")]);
    let body = Body::from_stream(first.chain(stream::pending()));
    let start = Instant::now();
    let request = Request::post("/").body(body).unwrap();
    let response = call(&proxy_over(taking), request).await;
    assert_eq!(start.elapsed().as_secs(), 1);
    let arrived = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(arrived, "ab", "what was read comes first");
}

#[tokio::test]
async fn buffered_chunked_body_takes_only_its_length_of_the_budget() {
    let proxy = keeping();
    let mut held = Vec::new();
    for _ in 0..1_000 {
        held.push(collected(&proxy, pieces(3, &Arc::default())).await.unwrap());
    }
}

/// Returns as many bodies as fill the empty budget.
async fn fill(proxy: &(Proxy, Arc<Mutex<Vec<ProxyBody>>>)) -> Vec<ProxyBody> {
    let mut held = Vec::new();
    for _ in 0..16 * 1024 * 1024 / LONGEST {
        held.push(collected(proxy, vec![b'x'; LONGEST]).await.unwrap());
    }
    held
}

#[tokio::test]
async fn budget_of_16_mib_is_released_with_last_copy() {
    let proxy = keeping();
    let mut held = fill(&proxy).await;
    assert!(collected(&proxy, "x").await.is_none());

    // The bytes may outlive the body, in a socket's write queue for example.
    let bytes = held.pop().unwrap().collect().await.unwrap().to_bytes();
    assert!(collected(&proxy, "x").await.is_none());
    drop(bytes);
    assert!(collected(&proxy, "x").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn stalled_caller_releases_budget() {
    let proxy = keeping();
    let body = Body::from_stream(stream::pending::<Result<Bytes, BoxError>>());
    let body = Body::new(TenBytes(body));
    let request = Request::post("/").body(body).unwrap();
    let problem = problem(call(&proxy.0, request).await).await;
    assert_eq!(problem["status"], StatusCode::REQUEST_TIMEOUT.as_u16());
    assert_eq!(problem["forwarded"], false);
    fill(&proxy).await;
}

#[tokio::test]
async fn sent_body_cannot_be_cloned() {
    let mut body = ProxyBody::collected("hello");
    body.frame().await.unwrap().unwrap();
    assert!(body.try_clone().is_none(), "not empty, but gone");
    assert!(body.frame().await.is_none());

    let mut empty = ProxyBody::collected("");
    assert!(empty.frame().await.is_none());
    assert!(empty.try_clone().is_some());
}

#[tokio::test]
async fn request_trailers_are_not_forwarded() {
    let trailers = [("authorization", "Bearer mine")]
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
        .into_iter()
        .collect();
    let frames = stream::iter([
        Ok::<_, BoxError>(Frame::data(Bytes::from_static(b"x"))),
        Ok(Frame::trailers(trailers)),
    ]);
    let proxy = proxy_over(tower::service_fn(
        |request: Request<ProxyBody>| async move {
            let collected = request.into_body().collect().await?;
            let had_trailers = collected.trailers().is_some();
            assert_eq!(collected.to_bytes(), "x");
            Ok::<_, BoxError>(Response::new(Body::from(had_trailers.to_string())))
        },
    ));
    let request = Request::post("/")
        .body(Body::new(StreamBody::new(frames)))
        .unwrap();
    let response = call(&proxy, request).await;
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "false"
    );
}

#[tokio::test]
async fn request_body_has_backpressure() {
    let taken = Arc::new(AtomicUsize::new(0));
    let proxy = proxy_over(tower::service_fn(
        |request: Request<ProxyBody>| async move {
            let mut body = request.into_body();
            body.frame().await.unwrap()?;
            Ok::<_, BoxError>(Response::new(Body::new(body)))
        },
    ));
    let request = Request::post("/").body(pieces(1_000, &taken)).unwrap();
    let response = call(&proxy, request).await;
    assert_eq!(
        taken.load(Ordering::Relaxed),
        65,
        "until it was too long to be buffered"
    );

    // In the other direction: the caller reads one more.
    let mut back = response.into_body();
    back.frame().await.unwrap().unwrap();
    assert_eq!(taken.load(Ordering::Relaxed), 66);
    assert_eq!(
        back.collect().await.unwrap().to_bytes().len(),
        (1_000 - 66) * 1024
    );
}

#[tokio::test]
async fn response_body_streams() {
    let upstream = Upstream::responding(|| {
        let first = stream::iter([Ok::<_, BoxError>("first")]);
        Response::new(Body::from_stream(first.chain(stream::pending())))
    });
    let request = Request::get("/").body(Body::empty()).unwrap();
    let mut response = call(&upstream.proxy(), request).await.into_body();
    let first = response.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
}

/// A body with a declared length of ten bytes, whatever its frames contain.
struct TenBytes(Body);

impl http_body::Body for TenBytes {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(10)
    }
}

#[tokio::test]
async fn body_unlike_its_content_length_is_not_forwarded() {
    for pieces in [
        vec![Err("broken off".into())],
        vec![Ok("12345")],
        vec![Ok("12345"), Ok("6789012345")],
    ] {
        let upstream = Upstream::new();
        let pieces: Vec<Result<&str, BoxError>> = pieces;
        let body = Body::new(TenBytes(Body::from_stream(stream::iter(pieces))));
        let request = Request::post("/").body(body).unwrap();
        let problem = problem(call(&upstream.proxy(), request).await).await;
        assert_eq!(problem["status"], StatusCode::BAD_REQUEST.as_u16());
        assert_eq!(
            (&problem["forwarded"], upstream.calls()),
            (&false.into(), 0)
        );
    }
}

#[tokio::test]
async fn malformed_chunked_body_is_not_forwarded() {
    let upstream = Upstream::new();
    let pieces = [Ok("12345"), Err::<_, BoxError>("bad chunk".into())];
    let request = Request::post("/").body(Body::from_stream(stream::iter(pieces)));
    let problem = problem(call(&upstream.proxy(), request.unwrap()).await).await;
    assert_eq!(problem["status"], StatusCode::BAD_REQUEST.as_u16());
    assert_eq!(problem["forwarded"], false);
    assert_eq!(upstream.calls(), 0);
}

#[tokio::test]
async fn malformed_long_body_is_the_callers_fault() {
    let bad = [Err::<Bytes, BoxError>("bad chunk".into())];
    let pieces = stream::iter((0..65).map(|_| Ok(Bytes::from_static(&[b'x'; 1024]))));
    let body = Body::from_stream(pieces.chain(stream::iter(bad)));
    let problem = problem(
        call(
            &Upstream::new().proxy(),
            Request::post("/").body(body).unwrap(),
        )
        .await,
    );
    let problem = problem.await;
    assert_eq!(problem["status"], StatusCode::BAD_REQUEST.as_u16());
    assert_eq!(problem["forwarded"], "unknown");
}

#[tokio::test(start_paused = true)]
async fn slow_upload_with_progress_does_not_time_out() {
    let slow = stream::iter(0..10).then(|_| async {
        tokio::time::sleep(Duration::from_secs(20)).await;
        Ok::<_, BoxError>(Bytes::from_static(b"x"))
    });
    let upstream = Upstream::new();
    let request = Request::post("/").body(Body::from_stream(slow)).unwrap();
    let response = call(&upstream.proxy(), request).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(upstream.only_call().1, 10);
}

/// A proxy with this response timeout.
fn limited(limit: Duration) -> ProxyBuilder {
    let upstream = support::UPSTREAM.parse().unwrap();
    Proxy::builder(support::a_cache(), upstream).response_timeout(limit)
}

/// The upstream, which waits as well, is not to blame.
#[tokio::test(start_paused = true)]
async fn stalled_upload_is_the_callers_fault() {
    let moving = stream::iter(0..5).then(|_| async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Ok::<_, BoxError>(Bytes::from_static(b"x"))
    });
    let taking = tower::service_fn(async |request: Request<ProxyBody>| {
        request.into_body().collect().await?;
        Ok::<_, BoxError>(Response::new(Body::empty()))
    });
    let builder = limited(Duration::from_secs(10)).read_timeout(Duration::from_secs(10));
    let proxy = builder.build_with(taking).unwrap();
    let body = Body::from_stream(moving.chain(stream::pending()));
    let start = Instant::now();
    let problem = problem(call(&proxy, Request::post("/").body(body).unwrap()).await).await;
    assert_eq!(problem["status"], StatusCode::BAD_REQUEST.as_u16());
    assert_eq!(problem["forwarded"], "unknown");
    assert_eq!(start.elapsed().as_secs(), 5 * 9 + 10);
}

#[tokio::test(start_paused = true)]
async fn upstream_that_stops_reading_times_out() {
    let limit = Duration::from_secs(10);
    let stopping = tower::service_fn(async |request: Request<ProxyBody>| {
        let mut body = request.into_body();
        body.frame().await.unwrap()?;
        std::future::pending::<()>().await;
        Ok::<_, BoxError>(Response::new(Body::empty()))
    });
    let proxy = limited(limit).build_with(stopping).unwrap();
    let pieces = stream::iter(0..).then(|_| async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Ok::<_, BoxError>(Bytes::from_static(b"x"))
    });
    let start = Instant::now();
    let request = Request::post("/").body(Body::from_stream(pieces)).unwrap();
    let problem = problem(call(&proxy, request).await).await;
    assert_eq!(problem["status"], StatusCode::GATEWAY_TIMEOUT.as_u16());
    // After the first piece, for which the caller took 9 s.
    assert_eq!(start.elapsed().as_secs(), 9 + 10);
}

#[tokio::test(start_paused = true)]
async fn unlimited_timeout_waits_for_slow_response() {
    let slow = tower::service_fn(async |_| {
        tokio::time::sleep(Duration::from_secs(10_000)).await;
        Ok::<_, BoxError>(Response::new(Body::empty()))
    });
    let proxy = limited(Duration::MAX).build_with(slow).unwrap();
    let response = call(&proxy, support::get("/")).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn stalled_response_body_ends_with_error() {
    let limit = Duration::from_secs(10);
    let stopping = tower::service_fn(async |_| {
        let first = stream::iter([Ok::<_, BoxError>("x")]);
        let body = Body::from_stream(first.chain(stream::pending()));
        Ok::<_, BoxError>(Response::new(body))
    });
    let proxy = limited(limit).build_with(stopping).unwrap();
    let mut body = call(&proxy, support::get("/")).await.into_body();
    assert!(body.frame().await.unwrap().is_ok());
    let start = Instant::now();
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(start.elapsed().as_secs(), limit.as_secs());
}

#[tokio::test(start_paused = true)]
async fn slow_frames_and_slow_caller_do_not_time_out() {
    let limit = Duration::from_secs(10);
    let slow = tower::service_fn(move |_| async move {
        let pieces = stream::iter(0..3).then(move |_| async move {
            tokio::time::sleep(limit - Duration::from_secs(1)).await;
            Ok::<_, BoxError>("x")
        });
        Ok::<_, BoxError>(Response::new(Body::from_stream(pieces)))
    });
    let proxy = limited(limit).build_with(slow).unwrap();
    let mut body = call(&proxy, support::get("/")).await.into_body();
    for _ in 0..3 {
        assert!(body.frame().await.unwrap().is_ok());
        tokio::time::sleep(3 * limit).await;
    }
    assert!(body.frame().await.is_none());
}

/// With merchant keys, the layer looks at a short JSON body before it is forwarded. The router adds the length of
/// a body with an exact hint.
#[tokio::test]
async fn body_that_was_looked_at_is_forwarded_as_it_came() {
    let keys = Credentials::merchant("access-key", "secret-key");
    let accounts = Accounts::none().merchant("access-key", "secret-key");
    let service = SandboxService::new(Issuer::builder().accounts(accounts).build());
    let endpoint = TokenEndpoint::with_service(support::a_server(), keys, service).unwrap();
    let tokens = TokenCache::new(endpoint);
    for (method, is_broken) in [("GET", true), ("GET", false), ("HEAD", false)] {
        let upstream = tower::service_fn(move |_: Request<ProxyBody>| async move {
            let end = is_broken.then(|| Err::<Bytes, BoxError>("broken".into()));
            let data = (method == "GET").then(|| Ok(Bytes::from_static(b"{}")));
            let body = Body::from_stream(stream::iter(data.into_iter().chain(end)));
            let response = Response::builder().header("content-type", "application/json");
            Ok::<_, BoxError>(response.body(body).unwrap())
        });
        let builder = Proxy::builder(tokens.clone(), support::UPSTREAM.parse().unwrap());
        let proxy = builder.build_with(upstream).unwrap();
        let app: Router = Router::new().route("/", any_service(proxy));
        let request = Request::builder().method(method).uri("/");
        let response = app.oneshot(request.body(Body::empty()).unwrap()).await;
        let response = response.unwrap();
        assert_eq!(response.headers().get("content-length"), None, "{method}");
        assert_eq!(response.into_body().collect().await.is_err(), is_broken);
    }
}
