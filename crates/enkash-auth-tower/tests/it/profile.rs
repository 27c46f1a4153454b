//! The Payment Gateway's way of rejecting a token: in a body, under any status.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_core::Credentials;
use enkash_auth_sandbox::{Accounts, Issuer, SandboxService};
use enkash_auth_tower::{
    EnkashAuthLayer, EnkashProfile, ReplayPolicy, ResponseBody, TokenCache, TokenEndpoint,
    TokenRequestBody,
};
use futures_util::stream;
use http::{Method, Request, Response, header::AUTHORIZATION};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tower::{Layer, Service, ServiceExt, service_fn, util::BoxCloneSyncService};

use crate::support::{TokioClock, YOUNG, environment, get, grant, rules, user};

type Stream = StreamBody<stream::Pending<Result<Frame<Bytes>, Infallible>>>;
type ApiBody = Either<Full<Bytes>, Stream>;
type Api = BoxCloneSyncService<Request<String>, Response<ApiBody>, Infallible>;

const CODE: &str = r#"{"response_code":117,"response_message":"failed","payload":null}"#;
/// `{"response_code":117}`, compressed.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x2a\x4a\x2d\x2e\xc8\xcf\x2b\x4e\x8d\x4f\xce\x4f\x49\x55\xb2\x32\x34\x34\xaf\x05\x00\x6c\xc1\x30\x4b\x15\x00\x00\x00";
const ZLIB: &[u8] = b"\x78\x9c\xab\x56\x2a\x4a\x2d\x2e\xc8\xcf\x2b\x4e\x8d\x4f\xce\x4f\x49\x55\xb2\x32\x34\x34\xaf\x05\x00\x58\x0c\x07\x79";
const BROTLI: &[u8] = b"\x0b\x0a\x80{\"response_code\":117}\x03";
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\xa9\x00\x00{\"response_code\":117}\x55\xce\x50\x96";
const TEXT: &str = r#"{"response_code":1,"payload":"Token is invalid."}"#;

/// A cache of a merchant, whose tokens are numbered.
fn merchant() -> (TokenCache, Arc<AtomicU32>) {
    cache(Credentials::merchant(user(), "secret"))
}

fn cache(credentials: Credentials) -> (TokenCache, Arc<AtomicU32>) {
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let service = service_fn(move |_: Request<TokenRequestBody>| {
        let nth = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            sleep(Duration::from_millis(50)).await;
            Ok::<_, Infallible>(grant(&format!("token-{nth}"), 86_400))
        }
    });
    let endpoint = TokenEndpoint::with_service(environment(), credentials, service).unwrap();
    let tokens = TokenCache::builder(endpoint).clock(TokioClock::new());
    (tokens.build(), asked)
}

/// An API that rejects each of its `revoked` tokens with `status` and `body`.
fn api(revoked: &Arc<Mutex<Vec<String>>>, status: u16, body: &'static str) -> Api {
    let revoked = Arc::clone(revoked);
    Api::new(service_fn(move |request: Request<String>| {
        let token = request.headers()[AUTHORIZATION].to_str().unwrap();
        let is_revoked = revoked.lock().unwrap().iter().any(|one| one == token);
        let response = match is_revoked {
            true => json().status(status).body(full(body)),
            false => json().body(full(r#"{"response_code":0,"payload":{"id":1}}"#)),
        };
        async move { Ok(response.unwrap()) }
    }))
}

fn json() -> http::response::Builder {
    Response::builder().header("content-type", "application/json;charset=UTF-8")
}

fn full(body: impl Into<Bytes>) -> ApiBody {
    Either::Left(Full::new(body.into()))
}

fn revoke(revoked: &Arc<Mutex<Vec<String>>>, tokens: &TokenCache) {
    let token = tokens.peek().unwrap().header().to_str().unwrap().to_owned();
    revoked.lock().unwrap().push(token);
}

async fn text<B>(response: Response<ResponseBody<B>>) -> String
where
    B: Body<Data = Bytes, Error: std::fmt::Debug> + Unpin,
{
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn token_rejected_in_a_body_costs_60_callers_one_request() {
    for (status, body) in [
        (400, CODE),
        (400, TEXT),
        (200, CODE),
        (200, TEXT),
        (401, CODE),
    ] {
        for age in [Duration::ZERO, YOUNG] {
            let ((tokens, asked), revoked) = (merchant(), Arc::default());
            let layer = EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default());
            let service = layer.layer(api(&revoked, status, body));
            let call = |service: &_| {
                let service = Clone::clone(service);
                ServiceExt::oneshot(service, get("http://localhost/pay"))
            };
            call(&service).await.unwrap();
            sleep(age).await;
            revoke(&revoked, &tokens);
            let mut callers = JoinSet::new();
            for nth in 0..60 {
                let called = call(&service);
                callers.spawn(async move {
                    sleep(Duration::from_millis(nth)).await;
                    text(called.await.unwrap()).await
                });
            }
            for served in callers.join_all().await {
                assert!(served.contains(r#""id":1"#), "{status} {body}: {served}");
            }
            assert_eq!(asked.load(Ordering::Relaxed), 2, "{status} {body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn post_rejected_in_a_2xx_is_not_replayed_unless_trusted() {
    let trusting = ReplayPolicy::default().trust_success();
    for (status, policy, is_replayed) in [
        (400, ReplayPolicy::default(), true),
        (200, ReplayPolicy::default(), false),
        (200, trusting, true),
        // Never after 403 or 5xx.
        (403, trusting, false),
        (500, trusting, false),
    ] {
        let ((tokens, asked), revoked) = (merchant(), Arc::default());
        tokens.token().await.unwrap();
        sleep(YOUNG).await;
        revoke(&revoked, &tokens);
        let layer = EnkashAuthLayer::new(tokens.clone()).replay(policy);
        let mut client = layer.layer(api(&revoked, status, CODE));
        let mut request = get("http://localhost/pay");
        *request.method_mut() = Method::POST;
        let response = client.ready().await.unwrap().call(request).await.unwrap();
        let expected = if is_replayed { 200 } else { status };
        assert_eq!(response.status(), expected);
        assert_eq!(
            text(response).await == CODE,
            !is_replayed,
            "{status} {policy:?}"
        );
        // Replaced in any case; under a 2xx it was served meanwhile.
        tokens.idle().await;
        assert_eq!(tokens.token().await.unwrap().generation(), 2);
        assert_eq!(asked.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn token_rejected_in_a_2xx_is_served_on() {
    for (status, is_served) in [(200, true), (400, false)] {
        let ((tokens, _), revoked) = (merchant(), Arc::default());
        tokens.token().await.unwrap();
        sleep(YOUNG).await;
        revoke(&revoked, &tokens);
        let mut client = EnkashAuthLayer::new(tokens.clone()).layer(api(&revoked, status, CODE));
        let call = client.ready().await.unwrap().call(get("http://localhost/"));
        assert_eq!(text(call.await.unwrap()).await, CODE);
        assert_eq!(tokens.peek().is_some(), is_served, "{status}");
    }
}

/// Returns a rejection of `length` bytes.
fn padded(length: usize) -> &'static str {
    let body = format!("{CODE:<length$}");
    assert_eq!(body.len(), length);
    body.leak()
}

#[tokio::test(start_paused = true)]
async fn other_bodies_reject_no_token() {
    for (kind, body) in [
        ("text/plain", CODE),
        ("application/jsonp", CODE),
        ("application/json", padded(4_097)),
        (
            "application/json",
            r#"{"response_code":1,"payload":"Token is invalid"}"#,
        ),
        ("application/json", r#"{"response_code":1170}"#),
        ("application/json", r#"{"payload":{"response_code":117}}"#),
        ("application/json", r#"["response_code",117]"#),
        ("application/json", r#"{"response_code":117"#),
        ("application/json", ""),
    ] {
        let (tokens, asked) = merchant();
        let api = service_fn(|_: Request<String>| async {
            let response = Response::builder().status(400).header("content-type", kind);
            Ok::<_, Infallible>(response.body(full(body)).unwrap())
        });
        let mut client = EnkashAuthLayer::new(tokens.clone()).layer(api);
        let call = client.ready().await.unwrap().call(get("http://localhost/"));
        assert_eq!(text(call.await.unwrap()).await, body);
        tokens.idle().await;
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{kind} {body}");
    }
}

/// Codings that the profile does not read: the body is passed on as it came.
#[tokio::test(start_paused = true)]
async fn rejection_in_brotli_or_zstd_is_not_recognised() {
    for (encoding, body) in [("br", BROTLI), ("zstd", ZSTD)] {
        let (tokens, asked) = merchant();
        let api = service_fn(|_: Request<String>| async {
            let response = json().status(400).header("content-encoding", encoding);
            Ok::<_, Infallible>(response.body(full(body)).unwrap())
        });
        let client = EnkashAuthLayer::new(tokens.clone()).layer(api);
        let response = client.oneshot(get("http://localhost/")).await.unwrap();
        let passed = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(passed, body, "{encoding}");
        tokens.idle().await;
        assert_eq!(asked.load(Ordering::Relaxed), 1, "{encoding}");
    }
}

#[tokio::test(start_paused = true)]
async fn odd_spellings_of_a_rejection_are_recognised() {
    for (kind, encoding, body) in [
        ("APPLICATION/JSON", None, CODE.as_bytes()),
        ("application/problem+json", None, CODE.as_bytes()),
        ("application/json", Some("identity"), CODE.as_bytes()),
        ("application/json", None, padded(4_096).as_bytes()),
        ("application/json", Some("gzip"), GZIP),
        ("application/json", Some("X-GZIP"), GZIP),
        ("application/json", Some("deflate"), ZLIB),
        ("text/json", None, b"\xef\xbb\xbf{\"response_code\":117}"),
        ("application/json", None, br#"{"response_code":"117"}"#),
        ("application/json", None, br#"{"response_code":117.0}"#),
        (
            "application/json",
            None,
            br#"{"response_code":117,"id":1e400}"#,
        ),
        // Latin-1.
        (
            "application/json",
            None,
            b"{\"response_code\":117,\"message\":\"expir\xe9\"}",
        ),
    ] {
        let (tokens, asked) = merchant();
        let api = service_fn(|_: Request<String>| async {
            let response = Response::builder().status(400).header("content-type", kind);
            let response = match encoding {
                Some(encoding) => response.header("content-encoding", encoding),
                None => response,
            };
            Ok::<_, Infallible>(response.body(full(body)).unwrap())
        });
        let client = EnkashAuthLayer::new(tokens.clone()).layer(api);
        client.oneshot(get("http://localhost/")).await.unwrap();
        tokens.idle().await;
        let body = String::from_utf8_lossy(body);
        assert_eq!(asked.load(Ordering::Relaxed), 2, "{kind} {body}");
    }
}

/// A response that is too long, or not JSON, is there at once.
#[tokio::test(start_paused = true)]
async fn endless_bodies_are_not_waited_for() {
    for (kind, length) in [
        ("text/event-stream", None),
        ("application/json", Some("4097")),
    ] {
        let (tokens, _) = merchant();
        let api = service_fn(|_: Request<String>| async {
            let response = Response::builder().header("content-type", kind);
            let response = match length {
                Some(length) => response.header("content-length", length),
                None => response,
            };
            let body: ApiBody = Either::Right(StreamBody::new(stream::pending()));
            Ok::<_, Infallible>(response.body(body).unwrap())
        });
        let client = EnkashAuthLayer::new(tokens).layer(api);
        let call = client.oneshot(get("http://localhost/"));
        let response = tokio::time::timeout(Duration::from_secs(1), call).await;
        assert_eq!(response.unwrap().unwrap().status(), 200, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn profile_is_on_for_merchant_keys_and_can_be_switched() {
    let password = crate::support::credentials(&user(), "password");
    for (credentials, switch, is_on) in [
        (Credentials::merchant(user(), "secret"), None, true),
        (Credentials::merchant(user(), "secret"), Some(false), false),
        (password.clone(), None, false),
        (password, Some(true), true),
    ] {
        let ((tokens, asked), revoked) = (cache(credentials), Arc::default());
        tokens.token().await.unwrap();
        revoke(&revoked, &tokens);
        let layer = EnkashAuthLayer::new(tokens.clone());
        let layer = match switch {
            Some(true) => layer.classifier(EnkashProfile),
            Some(false) => layer.clear_classifiers(),
            None => layer,
        };
        let client = layer.layer(api(&revoked, 200, CODE));
        client.oneshot(get("http://localhost/")).await.unwrap();
        tokens.idle().await;
        assert_eq!(asked.load(Ordering::Relaxed) == 2, is_on, "{switch:?}");
    }
}

/// The caller gives up while the body is collected.
#[tokio::test(start_paused = true)]
async fn rejection_is_recorded_before_its_body_is_read() {
    for (status, requests) in [(401, 2), (200, 1)] {
        let (tokens, asked) = merchant();
        let api = service_fn(|_: Request<String>| async {
            let body: ApiBody = Either::Right(StreamBody::new(stream::pending()));
            Ok::<_, Infallible>(json().status(status).body(body).unwrap())
        });
        let client = EnkashAuthLayer::new(tokens.clone()).layer(api);
        let call = client.oneshot(get("http://localhost/"));
        let called = tokio::time::timeout(Duration::from_secs(1), call).await;
        assert!(called.is_err());
        tokens.idle().await;
        assert_eq!(asked.load(Ordering::Relaxed), requests, "{status}");
    }
}

/// Calls one endpoint every second, and another, which rejects every token in a 2xx, every ten. Returns how many
/// calls of the first failed and how many waited, and the number of token requests.
async fn hour_beside_rejecting_2xx(odd_path: &str, is_down: bool) -> (u32, u32, u64) {
    let access_key = user();
    let accounts = Accounts::none().merchant(&access_key, "secret");
    let issuer = Issuer::builder().accounts(accounts);
    let issuer = issuer.rules(rules(86_400, 400)).build();
    let keys = Credentials::merchant(access_key, "secret");
    let service = SandboxService::new(issuer.clone());
    let endpoint = TokenEndpoint::with_service(environment(), keys, service).unwrap();
    let tokens = TokenCache::builder(endpoint).clock(TokioClock::new());
    let layer = EnkashAuthLayer::new(tokens.build());
    let respond = |body: &'static str| {
        let response = move || json().body(full(body)).unwrap();
        let api = service_fn(move |_: Request<String>| async move { Ok(response()) });
        layer.layer(Api::new(api))
    };
    let (client, odd) = (respond(r#"{"response_code":0}"#), respond(CODE));
    let call = async || {
        let response = client.clone().oneshot(get("http://localhost/cards")).await;
        response.is_ok_and(|response| response.status() == 200)
    };
    assert!(call().await);
    issuer.set_outage(is_down);
    let (mut failed, mut waited) = (0, 0);
    let start = Instant::now();
    for second in 0..3_600 {
        if second % 10 == 0 {
            let response = odd.clone().oneshot(get(odd_path)).await;
            assert_eq!(text(response.unwrap()).await, CODE);
        }
        let before = Instant::now();
        failed += u32::from(!call().await);
        waited += u32::from(before.elapsed() > Duration::from_millis(50));
        sleep_until(start + Duration::from_secs(second + 1)).await;
    }
    (failed, waited, issuer.counters().token_requests)
}

#[tokio::test(start_paused = true)]
async fn endpoint_rejecting_in_a_2xx_costs_others_nothing() {
    // The path of the others, too.
    for path in ["http://localhost/odd", "http://localhost/cards"] {
        let (failed, waited, requests) = hour_beside_rejecting_2xx(path, false).await;
        assert_eq!((failed, waited), (0, 0), "{path}");
        assert!(requests <= 20, "{requests} token requests, {path}");
    }
    let (failed, waited, _) = hour_beside_rejecting_2xx("http://localhost/odd", true).await;
    assert_eq!((failed, waited), (0, 0), "token server down");
}
