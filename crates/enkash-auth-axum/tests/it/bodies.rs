//! Bodies: which are collected, and how the others stream.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use enkash_auth_axum::{Proxy, ProxyBody, ProxyBuilder, tower::BoxError, tower::ReplayBody};
use futures_util::{StreamExt, stream};
use http::{Request, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, StreamBody};
use tokio::time::Instant;

use crate::support::{self, Upstream, call, problem, proxy_over};

fn pieces(count: usize, taken: &Arc<AtomicUsize>) -> Body {
    let taken = Arc::clone(taken);
    Body::from_stream(stream::iter(0..count).map(move |_| {
        taken.fetch_add(1, Ordering::Relaxed);
        Ok::<_, BoxError>(Bytes::from_static(&[b'x'; 1024]))
    }))
}

#[tokio::test]
async fn a_body_of_known_length_arrives_as_it_was_declared() {
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
async fn the_length_that_is_stated_is_that_of_the_body() {
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
async fn a_body_of_unknown_length_is_sent_in_chunks_whatever_the_method() {
    let upstream = Upstream::new();
    let request = Request::get("/").body(pieces(3, &Arc::default())).unwrap();
    call(&upstream.proxy(), request).await;
    let (head, length) = upstream.only_call();
    assert_eq!(head.headers["transfer-encoding"], "chunked");
    assert_eq!(length, 3 * 1024);
}

/// A proxy to an upstream that keeps the bodies it gets.
fn keeping() -> (Proxy, Arc<Mutex<Vec<ProxyBody>>>) {
    let kept: Arc<Mutex<Vec<_>>> = Arc::default();
    let keep = Arc::clone(&kept);
    let proxy = proxy_over(tower::service_fn(move |request: Request<ProxyBody>| {
        keep.lock().unwrap().push(request.into_body());
        async { Ok::<_, BoxError>(Response::new(Body::empty())) }
    }));
    (proxy, kept)
}

/// The body that arrives, if it was collected.
async fn collected(
    (proxy, kept): &(Proxy, Arc<Mutex<Vec<ProxyBody>>>),
    body: impl Into<Body>,
) -> Option<ProxyBody> {
    let request = Request::post("/").body(body.into()).unwrap();
    assert_eq!(call(proxy, request).await.status(), StatusCode::OK);
    let body = kept.lock().unwrap().pop().unwrap();
    body.try_clone().map(|_| body)
}

/// The longest body that is collected.
const LONGEST: usize = 64 * 1024;

#[tokio::test]
async fn a_body_of_64_kib_is_collected_and_one_byte_more_streams() {
    let proxy = keeping();
    let largest = collected(&proxy, vec![b'x'; LONGEST]).await.unwrap();
    let copy = largest.try_clone().unwrap();
    assert_eq!(copy.collect().await.unwrap().to_bytes().len(), LONGEST);
    let larger = collected(&proxy, vec![b'x'; LONGEST + 1]).await;
    assert!(larger.is_none());
}

#[tokio::test]
async fn a_body_of_unknown_length_streams() {
    let chunks = stream::iter([Ok::<_, BoxError>("x")]);
    let body = Body::from_stream(chunks);
    assert!(collected(&keeping(), body).await.is_none());
}

/// As many bodies as fill the budget, which is to be empty.
async fn fill(proxy: &(Proxy, Arc<Mutex<Vec<ProxyBody>>>)) -> Vec<ProxyBody> {
    let mut held = Vec::new();
    for _ in 0..16 * 1024 * 1024 / LONGEST {
        held.push(collected(proxy, vec![b'x'; LONGEST]).await.unwrap());
    }
    held
}

#[tokio::test]
async fn the_budget_holds_16_mib_and_is_given_back_with_the_last_copy() {
    let proxy = keeping();
    let mut held = fill(&proxy).await;
    assert!(collected(&proxy, "x").await.is_none());

    // The bytes, handed on to a socket say, outlive the body.
    let bytes = held.pop().unwrap().collect().await.unwrap().to_bytes();
    assert!(collected(&proxy, "x").await.is_none());
    drop(bytes);
    assert!(collected(&proxy, "x").await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_stalls_gives_its_share_back() {
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
async fn a_body_that_was_sent_is_not_there_a_second_time() {
    let mut body = ProxyBody::collected("hello");
    body.frame().await.unwrap().unwrap();
    assert!(body.try_clone().is_none(), "not empty, but gone");
    assert!(body.frame().await.is_none());

    let mut empty = ProxyBody::collected("");
    assert!(empty.frame().await.is_none());
    assert!(empty.try_clone().is_some());
}

#[tokio::test]
async fn trailers_of_a_request_stay_behind() {
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
async fn a_caller_is_read_no_faster_than_the_upstream_takes() {
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
    assert_eq!(taken.load(Ordering::Relaxed), 1, "one piece was taken");

    // And back: the caller takes one more.
    let mut back = response.into_body();
    back.frame().await.unwrap().unwrap();
    assert_eq!(taken.load(Ordering::Relaxed), 2);
    assert_eq!(back.collect().await.unwrap().to_bytes().len(), 998 * 1024);
}

#[tokio::test]
async fn an_answer_streams() {
    let upstream = Upstream::answering(|| {
        let first = stream::iter([Ok::<_, BoxError>("first")]);
        Response::new(Body::from_stream(first.chain(stream::pending())))
    });
    let request = Request::get("/").body(Body::empty()).unwrap();
    let mut answer = call(&upstream.proxy(), request).await.into_body();
    let first = answer.frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
}

/// A body that says it is ten bytes long, whatever its pieces are.
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
async fn a_short_body_that_is_not_what_it_said_goes_nowhere() {
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

#[tokio::test(start_paused = true)]
async fn a_long_upload_is_not_cut_off_while_it_moves() {
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

/// A proxy whose upstream may keep silent for so long.
fn limited(limit: Duration) -> ProxyBuilder {
    let upstream = support::UPSTREAM.parse().unwrap();
    Proxy::builder(support::a_cache(), upstream).response_timeout(limit)
}

#[tokio::test(start_paused = true)]
async fn an_upload_that_stands_still_is_cut_off_after_the_limit() {
    let limit = Duration::from_secs(10);
    let moving = stream::iter(0..5).then(|_| async {
        tokio::time::sleep(Duration::from_secs(9)).await;
        Ok::<_, BoxError>(Bytes::from_static(b"x"))
    });
    let taking = tower::service_fn(async |request: Request<ProxyBody>| {
        request.into_body().collect().await?;
        Ok::<_, BoxError>(Response::new(Body::empty()))
    });
    let proxy = limited(limit).build_with(taking).unwrap();
    let body = Body::from_stream(moving.chain(stream::pending()));
    let start = Instant::now();
    let problem = problem(call(&proxy, Request::post("/").body(body).unwrap()).await).await;
    assert_eq!(problem["status"], StatusCode::GATEWAY_TIMEOUT.as_u16());
    // The progress of a body is kept in whole milliseconds.
    assert_eq!(start.elapsed().as_secs(), 5 * 9 + 10);
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_a_slow_answer_is_waited_for() {
    let slow = tower::service_fn(async |_| {
        tokio::time::sleep(Duration::from_secs(10_000)).await;
        Ok::<_, BoxError>(Response::new(Body::empty()))
    });
    let proxy = limited(Duration::MAX).build_with(slow).unwrap();
    let answer = call(&proxy, support::get("/")).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_stops_ends_with_an_error() {
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
async fn slow_pieces_of_an_answer_and_a_slow_caller_are_no_stop() {
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
