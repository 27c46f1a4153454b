//! Calls whose token is unauthorized.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_sandbox::Issuing;
use enkash_auth_tower::{EnkashAuth, EnkashAuthLayer, EnkashProfile, NotSent, ReplayPolicy};
use http::{Method, Request, Response, header::AUTHORIZATION};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tower::{
    BoxError, Layer, Service, ServiceExt, limit::ConcurrencyLimitLayer, util::BoxCloneSyncService,
};

use crate::support::{Kit, YOUNG, call, get, rules};

type Api = BoxCloneSyncService<Request<String>, Response<String>, Infallible>;

/// An API that responds with 401 to unauthorized tokens, and keeps the calls that it handled.
#[derive(Clone, Default)]
struct MockApi {
    unauthorized: Arc<Mutex<Vec<String>>>,
    handled: Arc<Mutex<Vec<(Method, String)>>>,
}

impl MockApi {
    fn revoke(&self, kit: &Kit) {
        let token = kit.tokens.peek().unwrap().expose().to_owned();
        self.unauthorized.lock().unwrap().push(token);
    }

    /// Responds with 401 and `challenge` to unauthorized tokens.
    fn api(&self, challenge: &'static str) -> Api {
        let mock = self.clone();
        BoxCloneSyncService::new(tower::service_fn(move |request: Request<String>| {
            let header = request.headers().get(AUTHORIZATION).unwrap();
            let token = header.to_str().unwrap().trim_start_matches("Bearer ");
            let is_unauthorized = mock
                .unauthorized
                .lock()
                .unwrap()
                .iter()
                .any(|one| one == token);
            let mut response = Response::new(String::new());
            if is_unauthorized {
                *response.status_mut() = http::StatusCode::UNAUTHORIZED;
                let value = http::HeaderValue::from_static(challenge);
                response.headers_mut().insert("www-authenticate", value);
            } else {
                let (head, body) = request.into_parts();
                mock.handled.lock().unwrap().push((head.method, body));
            }
            async move { Ok(response) }
        }))
    }

    fn handled(&self) -> usize {
        self.handled.lock().unwrap().len()
    }
}

const INVALID: &str = r#"Bearer realm="api", error="invalid_token""#;

fn client(kit: &Kit, api: Api) -> EnkashAuth<Api, ReplayPolicy> {
    EnkashAuthLayer::new(kit.tokens.clone())
        .replay(ReplayPolicy::default())
        .layer(api)
}

async fn send(client: &mut EnkashAuth<Api, ReplayPolicy>, method: Method) -> Result<u16, BoxError> {
    let mut request = Request::new("ten rupees".to_owned());
    *request.method_mut() = method;
    *request.uri_mut() = "http://localhost/api/payouts".parse().unwrap();
    let response = client.ready().await?.call(request).await?;
    Ok(response.status().as_u16())
}

#[tokio::test(start_paused = true)]
async fn sixty_callers_with_revoked_token_share_one_fetch() {
    let kit = Kit::new(rules(300, 50));
    let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
    let service = layer.layer(enkash_auth_sandbox::SandboxService::new(kit.issuer.clone()));
    call(&mut service.clone()).await.unwrap();
    kit.issuer.revoke_all();
    let mut callers = JoinSet::new();
    for nth in 0..60 {
        let mut service = service.clone();
        callers.spawn(async move {
            sleep(Duration::from_millis(nth)).await;
            call(&mut service).await.unwrap()
        });
    }
    assert_eq!(callers.join_all().await, vec![200; 60]);
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn post_is_replayed_once_on_invalid_token_challenge() {
    let kit = Kit::new(rules(300, 50));
    let mock = MockApi::default();
    let mut client = client(&kit, mock.api(INVALID));
    assert_eq!(send(&mut client, Method::POST).await.unwrap(), 200);
    mock.revoke(&kit);
    assert_eq!(send(&mut client, Method::POST).await.unwrap(), 200);
    assert_eq!(mock.handled(), 2);
    let (_, body) = mock.handled.lock().unwrap().last().cloned().unwrap();
    assert_eq!(body, "ten rupees");
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn post_without_invalid_token_challenge_is_not_replayed() {
    for challenge in ["Bearer", "\"nonsense,,"] {
        let kit = Kit::new(rules(300, 50));
        let mock = MockApi::default();
        let mut client = client(&kit, mock.api(challenge));
        assert_eq!(send(&mut client, Method::GET).await.unwrap(), 200);
        mock.revoke(&kit);
        assert_eq!(send(&mut client, Method::POST).await.unwrap(), 401);
        // The 401 was reported all the same: another token is fetched.
        sleep(Duration::from_millis(51)).await;
        assert_eq!(send(&mut client, Method::POST).await.unwrap(), 200);

        mock.revoke(&kit);
        assert_eq!(send(&mut client, Method::GET).await.unwrap(), 200);
        assert_eq!(kit.issuer.counters().token_requests, 3, "{challenge}");
    }
}

#[tokio::test(start_paused = true)]
async fn challenge_about_no_token_of_ours_changes_nothing() {
    for challenge in [
        r#"Bearer error="insufficient_scope""#,
        r#"Basic realm="a", Digest nonce="b""#,
    ] {
        let kit = Kit::new(rules(300, 50));
        let mock = MockApi::default();
        let mut client = client(&kit, mock.api(challenge));
        assert_eq!(send(&mut client, Method::GET).await.unwrap(), 200);
        mock.revoke(&kit);
        for _ in 0..20 {
            assert_eq!(send(&mut client, Method::GET).await.unwrap(), 401);
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(kit.issuer.counters().token_requests, 1, "{challenge}");
    }
}

#[tokio::test(start_paused = true)]
async fn challenge_under_another_status_changes_nothing() {
    for code in [403, 408, 500, 503] {
        for is_watched in [false, true] {
            let kit = Kit::new(rules(300, 50));
            kit.tokens.token().await.unwrap();
            sleep(YOUNG).await;
            let calls = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&calls);
            let api = tower::service_fn(move |_: Request<String>| {
                counted.fetch_add(1, Ordering::Relaxed);
                let response = Response::builder()
                    .status(code)
                    .header("www-authenticate", INVALID);
                async { Ok::<_, Infallible>(response.body(String::new()).unwrap()) }
            });
            let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
            let layer = match is_watched {
                true => layer.classifier(EnkashProfile),
                false => layer,
            };
            assert_eq!(call(&mut layer.layer(api)).await.unwrap(), code);
            kit.tokens.idle().await;
            assert_eq!(calls.load(Ordering::Relaxed), 1, "{code} {is_watched}");
            let requests = kit.issuer.counters().token_requests;
            assert_eq!(requests, 1, "{code} {is_watched}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn idempotency_key_allows_replay_only_if_trusted() {
    let trusting = ReplayPolicy::default().trust_idempotency_key();
    for (policy, keys, status) in [
        (ReplayPolicy::default(), &["8e03978e"][..], 401),
        (trusting, &["8e03978e"], 200),
        // A blank key, and an ambiguous one.
        (trusting, &[" "], 401),
        (trusting, &["8e03978e", "5d2f00b1"], 401),
    ] {
        let kit = Kit::new(rules(300, 50));
        let mock = MockApi::default();
        let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(policy);
        let mut client = layer.layer(mock.api("Bearer"));
        send(&mut client, Method::GET).await.unwrap();
        mock.revoke(&kit);
        let request = keys
            .iter()
            .fold(Request::post("http://localhost/api"), |request, key| {
                request.header("Idempotency-Key", *key)
            });
        let request = request.body(String::new()).unwrap();
        let response = client.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.status(), status, "{keys:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn api_returning_only_401_causes_no_fetch_storm() {
    for issuing in [Issuing::Rotating, Issuing::Reusing] {
        let kit = Kit::new(rules(300, 50).issuing(issuing));
        let api = tower::service_fn(|_: Request<String>| async {
            let unauthorized = Response::builder()
                .status(401)
                .header("www-authenticate", INVALID);
            Ok::<_, Infallible>(unauthorized.body(String::new()).unwrap())
        });
        let client = client(&kit, BoxCloneSyncService::new(api));
        let mut callers = JoinSet::new();
        for nth in 0..100 {
            let mut client = client.clone();
            callers.spawn(async move {
                sleep(Duration::from_millis(nth * 30)).await;
                send(&mut client, Method::POST).await.unwrap()
            });
        }
        assert_eq!(callers.join_all().await, vec![401; 100]);
        let requests = kit.issuer.counters().token_requests;
        assert!(requests <= 3, "{requests} token requests, {issuing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn stale_401_does_not_evict_newer_token() {
    let kit = Kit::new(rules(60, 50));
    let mock = MockApi::default();
    let api = mock.api(INVALID);
    // The 401 is returned a minute later.
    let slow = tower::service_fn(move |request| {
        let response = api.clone().oneshot(request);
        async move {
            let response = response.await;
            sleep(Duration::from_secs(58)).await;
            response
        }
    });
    let mut slow = client(&kit, BoxCloneSyncService::new(slow));
    kit.tokens.token().await.unwrap();
    mock.revoke(&kit);
    let late = tokio::spawn(async move { send(&mut slow, Method::GET).await.unwrap() });
    sleep(Duration::from_secs(57)).await;
    kit.tokens.token().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    let newer = kit.tokens.token().await.unwrap();
    assert_eq!(newer.generation(), 2);
    assert_eq!(late.await.unwrap(), 200, "replayed with the newer one");
    assert_eq!(kit.issuer.counters().token_requests, 2);
}

#[tokio::test(start_paused = true)]
async fn failed_fetch_returns_the_401_to_the_caller() {
    let kit = Kit::new(rules(300, 50));
    let mock = MockApi::default();
    let mut client = client(&kit, mock.api(INVALID));
    send(&mut client, Method::GET).await.unwrap();
    mock.revoke(&kit);
    kit.issuer.set_outage(true);
    assert_eq!(send(&mut client, Method::GET).await.unwrap(), 401);
}

#[tokio::test(start_paused = true)]
async fn layer_without_replay_reports_the_401_and_returns_it() {
    let kit = Kit::new(rules(300, 50));
    let layer = EnkashAuthLayer::new(kit.tokens.clone());
    kit.tokens.token().await.unwrap();
    sleep(YOUNG).await;
    kit.issuer.revoke_all();
    // Without the layer.
    let mut plain = enkash_auth_sandbox::SandboxService::new(kit.issuer.clone());
    assert_eq!(call(&mut plain).await.unwrap(), 401);
    assert_eq!(kit.tokens.status().fetches(), 1);
    // With it, and without replay: reported, not replayed.
    let mut client = layer.layer(plain);
    assert_eq!(call(&mut client).await.unwrap(), 401);
    assert_eq!(call(&mut client).await.unwrap(), 200);
    assert_eq!(kit.tokens.status().fetches(), 2);
}

#[tokio::test(start_paused = true)]
async fn unsent_replay_returns_the_first_response() {
    let not_sent: fn() -> BoxError = || NotSent::new("no connection").into();
    let reset: fn() -> BoxError = || io::Error::from(io::ErrorKind::ConnectionReset).into();
    // A client's own retry, after a first attempt that may have been carried out.
    let not_connected: fn() -> BoxError =
        || io::Error::from(io::ErrorKind::ConnectionRefused).into();
    // "Not sent" would be wrong for the call: its first attempt was sent, and got a 401.
    for (fail, expected) in [
        (not_sent, Ok(401)),
        (reset, Err(())),
        (not_connected, Err(())),
    ] {
        let kit = Kit::new(rules(300, 50));
        let calls = Arc::new(Mutex::new(0));
        let api = tower::service_fn(move |_: Request<String>| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            let is_first = *calls == 1;
            async move {
                match is_first {
                    true => Ok(Response::builder().status(401).body(String::new()).unwrap()),
                    false => Err(fail()),
                }
            }
        });
        let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
        let response = layer.layer(api).oneshot(get("http://localhost/api")).await;
        let response = response.map(|response| response.status().as_u16());
        assert_eq!(response.map_err(drop), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn reissued_unauthorized_token_is_not_replayed() {
    let kit = Kit::new(rules(300, 50).issuing(Issuing::Reusing));
    let calls = Arc::new(AtomicU32::new(0));
    let api = tower::service_fn({
        let calls = Arc::clone(&calls);
        move |_: Request<String>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let unauthorized = Response::builder().status(401).body(String::new());
            async move { Ok::<_, Infallible>(unauthorized.unwrap()) }
        }
    });
    let mut client = client(&kit, BoxCloneSyncService::new(api));
    for generation in 1..=2 {
        assert_eq!(send(&mut client, Method::GET).await.unwrap(), 401);
        let token = kit.tokens.peek().unwrap();
        assert_eq!(token.generation(), generation, "the same one came");
        assert_eq!(u64::from(calls.load(Ordering::Relaxed)), generation);
        sleep(Duration::from_secs(302)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn replay_that_is_not_sent_releases_its_permit() {
    let kit = Kit::new(rules(60, 50));
    let api = tower::service_fn(|_: Request<String>| async {
        Ok::<_, Infallible>(Response::builder().status(401).body(String::new()).unwrap())
    });
    let limited = ConcurrencyLimitLayer::new(1).layer(api);
    let mut client = EnkashAuthLayer::new(kit.tokens.clone())
        .replay(ReplayPolicy::default())
        .layer(limited.clone());
    let replayed = client.ready().await.unwrap().call(get("http://localhost/"));
    tokio::pin!(replayed);
    // The second token is fetched.
    let soon = Duration::from_millis(60);
    timeout(soon, &mut replayed).await.unwrap_err();
    let mut busy = limited.clone();
    busy.ready().await.unwrap();
    // It is there, and the inner service is busy.
    timeout(soon, &mut replayed).await.unwrap_err();
    kit.issuer.set_outage(true);
    sleep(Duration::from_secs(120)).await;
    kit.tokens.token().await.unwrap_err();
    drop(busy);
    assert_eq!(replayed.as_mut().await.unwrap().status(), 401);
    let mut other = limited;
    let ready = timeout(Duration::from_millis(1), other.ready()).await;
    ready.expect("the permit is free").unwrap();
}
