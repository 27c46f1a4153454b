//! What a user's own classifier sees, and what it brings about.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_tower::{Classifier, EnkashAuthLayer, Evidence, ReplayPolicy, ResponseBody, Seen};
use http::{Method, Request, Response};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use tokio::time::sleep;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Kit, YOUNG, get, rules};

/// Takes its evidence from a header of the response, once or with the body.
#[derive(Debug)]
struct Header;

impl Classifier for Header {
    fn classify(&self, response: &Seen<'_>) -> Evidence {
        let name = response.headers().get("evidence");
        match name.and_then(|name| name.to_str().ok()) {
            Some("doubt") => Evidence::Doubt,
            Some("proof") => Evidence::Proof,
            Some("proof for call") => Evidence::ProofForCall,
            Some("body") => match response.body() {
                None => Evidence::NeedsBody,
                Some(b"bad") => Evidence::Proof,
                Some(_) => Evidence::Nothing,
            },
            _ => Evidence::Nothing,
        }
    }
}

type Api = tower::util::BoxCloneSyncService<Request<String>, Response<Full<Bytes>>, Infallible>;

/// Responds with `status`, `evidence` and "bad" to the first token.
fn api(status: u16, evidence: &'static str) -> (Api, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let api = service_fn(move |request: Request<String>| {
        counted.fetch_add(1, Ordering::Relaxed);
        let is_first = request.headers()["authorization"]
            .as_bytes()
            .ends_with(b"first");
        let response = match is_first {
            true => Response::builder()
                .status(status)
                .header("evidence", evidence),
            false => Response::builder(),
        };
        let response = response.body(Full::from("bad")).unwrap();
        async move { Ok(response) }
    });
    (Api::new(api), calls)
}

fn tokens() -> enkash_auth_tower::TokenCache {
    let asked = AtomicU32::new(0);
    let asked = Arc::new(asked);
    crate::support::cache(crate::support::endpoint(move |_| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        let token = if nth == 0 { "first" } else { "second" };
        async move {
            sleep(Duration::from_millis(10)).await;
            crate::support::grant(token, 86_400)
        }
    }))
}

#[tokio::test(start_paused = true)]
async fn evidence_decides_replay_and_the_cached_token() {
    const IDEMPOTENT: u32 = 1;
    const ANY: u32 = 2;
    let trusting = ReplayPolicy::default().trust_success();
    for (status, evidence, policy, replayed, is_kept) in [
        (200, "nothing", trusting, 0, true),
        (200, "doubt", trusting, IDEMPOTENT, true),
        (
            200,
            "proof for call",
            ReplayPolicy::default(),
            IDEMPOTENT,
            true,
        ),
        (200, "proof for call", trusting, ANY, true),
        (200, "proof", ReplayPolicy::default(), ANY, false),
        (400, "body", ReplayPolicy::default(), ANY, false),
        // What is never replayed is replaced all the same.
        (403, "proof", trusting, 0, false),
        (408, "proof", trusting, 0, false),
        (503, "body", trusting, 0, false),
        (503, "doubt", trusting, 0, true),
    ] {
        for method in [Method::GET, Method::POST] {
            let name = format!("{status} {evidence} {method}");
            let is_replayed = replayed == ANY || replayed == IDEMPOTENT && method == Method::GET;
            let tokens = tokens();
            tokens.token().await.unwrap();
            sleep(YOUNG).await;
            let (api, calls) = api(status, evidence);
            let layer = EnkashAuthLayer::new(tokens.clone()).classifier(Header);
            let mut plain = layer.layer(api.clone());
            let mut replaying = layer.replay(policy).layer(api);
            let request = || {
                let mut request = get("http://localhost/");
                *request.method_mut() = method.clone();
                request
            };
            let response = plain.ready().await.unwrap().call(request()).await.unwrap();
            assert_eq!(response.status(), status);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body, "bad", "{name}");
            let is_served = tokens.peek().is_some_and(|token| token.expose() == "first");
            assert_eq!(is_served, is_kept, "{name}");

            if is_kept {
                let response = replaying.ready().await.unwrap().call(request()).await;
                let expected = if is_replayed { 200 } else { status };
                assert_eq!(response.unwrap().status(), expected, "{name}");
                let expected = 2 + u32::from(is_replayed);
                assert_eq!(calls.load(Ordering::Relaxed), expected, "{name}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn proof_is_replayed_once() {
    for (status, method, expected) in [
        (200, Method::POST, 2),
        (400, Method::GET, 2),
        (403, Method::GET, 1),
        (503, Method::GET, 1),
    ] {
        let tokens = tokens();
        let (api, calls) = api(status, "proof");
        let layer = EnkashAuthLayer::new(tokens).classifier(Header);
        let client = layer.replay(ReplayPolicy::default()).layer(api);
        let mut request = get("http://localhost/");
        *request.method_mut() = method;
        client.oneshot(request).await.unwrap();
        assert_eq!(calls.load(Ordering::Relaxed), expected, "{status}");
    }
}

/// Frames of two bodies: what the inner service sends and what the caller gets.
#[tokio::test(start_paused = true)]
async fn body_streams_unchanged_whatever_was_read_of_it() {
    let data = |length: usize| Ok::<_, &str>(Frame::data(Bytes::from(vec![b'x'; length])));
    let trailers = || {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("sum", "1".parse().unwrap());
        Ok(Frame::trailers(trailers))
    };
    for frames in [
        vec![],
        vec![data(3)],
        vec![data(0), data(3), trailers()],
        vec![data(4_096)],
        vec![data(4_096), data(1), data(5)],
        vec![data(5_000), trailers()],
        vec![data(2), Err("broken")],
        vec![data(5_000), Err("broken")],
    ] {
        let kit = Kit::new(rules(300, 10));
        let show = |frame: &Result<Frame<Bytes>, &str>| match frame {
            Ok(frame) => format!("{:?} {:?}", frame.data_ref(), frame.trailers_ref()),
            Err(error) => (*error).to_owned(),
        };
        let expected: Vec<_> = frames.iter().map(show).collect();
        let frames = std::sync::Mutex::new(Some(frames));
        let api = service_fn(|_: Request<String>| {
            let frames = frames.lock().unwrap().take().unwrap();
            let body = StreamBody::new(futures_util::stream::iter(frames));
            let response = Response::builder().header("evidence", "body");
            async { Ok::<_, Infallible>(response.body(body).unwrap()) }
        });
        let layer = EnkashAuthLayer::new(kit.tokens.clone()).classifier(Header);
        let response = layer
            .layer(api)
            .oneshot(get("http://localhost/"))
            .await
            .unwrap();
        let mut body = response.into_body();
        let mut seen = Vec::new();
        while let Some(frame) = body.frame().await {
            seen.push(show(&frame));
        }
        assert_eq!(seen, expected);
    }
}

/// A server below would state a length that is hinted exactly: one that ends with the data hides an error behind
/// them, drops trailers, and is not that of the response to a `HEAD`.
#[tokio::test(start_paused = true)]
async fn length_of_a_body_is_hinted_only_if_it_was_before() {
    let data = || Ok::<_, &str>(Frame::data(Bytes::from("bad")));
    let trailers = || Ok(Frame::trailers(http::HeaderMap::new()));
    let bodies = || {
        [
            vec![],
            vec![data()],
            vec![data(), trailers()],
            vec![data(), Err("broken")],
        ]
    };
    for length in [None, Some(3), Some(1_000)] {
        for frames in bodies() {
            let kit = Kit::new(rules(300, 10));
            let body = Hinted {
                frames: frames.into(),
                rest: length,
            };
            let body = std::sync::Mutex::new(Some(body));
            let api = service_fn(|_: Request<String>| {
                let body = body.lock().unwrap().take().unwrap();
                let response = Response::builder().header("evidence", "body");
                async { Ok::<_, Infallible>(response.body(body).unwrap()) }
            });
            let layer = EnkashAuthLayer::new(kit.tokens.clone()).classifier(Header);
            let called = layer.layer(api).oneshot(get("http://localhost/")).await;
            let hint = called.unwrap().into_body().size_hint();
            assert_eq!(hint.exact(), length, "{hint:?}");
        }
    }
}

/// Each response is moved several times, looked at or not.
#[test]
fn wrapped_body_is_as_large_as_before() {
    type Boxed = UnsyncBoxBody<Bytes, Infallible>;
    assert_eq!(size_of::<ResponseBody<Boxed>>(), size_of::<Boxed>());
    #[cfg(feature = "client")]
    {
        use hyper::body::Incoming;
        assert_eq!(size_of::<ResponseBody<Incoming>>(), size_of::<Incoming>());
    }
}

/// A body with a length, or without.
struct Hinted {
    frames: VecDeque<Result<Frame<Bytes>, &'static str>>,
    rest: Option<u64>,
}

impl Body for Hinted {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let frame = self.frames.pop_front();
        let data = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref());
        let length = data.map_or(0, |data| data.len() as u64);
        self.rest = self.rest.map(|rest| rest - length);
        Poll::Ready(frame)
    }

    fn size_hint(&self) -> SizeHint {
        self.rest
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
