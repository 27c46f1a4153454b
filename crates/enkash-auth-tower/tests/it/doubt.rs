//! A token that the API may not take: what that costs, and how soon it is replaced.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_sandbox::Issuing;
use enkash_auth_tower::{EnkashAuthLayer, EnkashProfile, ReplayPolicy};
use futures_util::FutureExt;
use http::{Method, Request, Response, header::AUTHORIZATION};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{Kit, YOUNG, cache, call, endpoint, get, grant, invalid_token, rules, status};

const DAY: u64 = 86_400;

/// How an API rejects a token.
#[derive(Clone, Copy, Debug)]
enum Rejects {
    Bare,
    InvalidToken,
}

/// An API that rejects the tokens that were revoked.
#[derive(Clone, Default)]
struct Api {
    revoked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    fn revoke(&self, kit: &Kit) {
        let token = kit
            .tokens
            .peek()
            .unwrap()
            .header()
            .to_str()
            .unwrap()
            .to_owned();
        self.revoked.lock().unwrap().push(token);
    }

    fn service(
        &self,
        rejects: Rejects,
    ) -> impl Service<Request<String>, Response = Response<String>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + use<> {
        let revoked = Arc::clone(&self.revoked);
        service_fn(move |request: Request<String>| {
            let token = request.headers()[AUTHORIZATION].to_str().unwrap();
            let is_revoked = revoked.lock().unwrap().iter().any(|one| one == token);
            let response = match rejects {
                _ if !is_revoked => status(200),
                Rejects::Bare => status(401),
                Rejects::InvalidToken => invalid_token(),
            };
            async move { Ok(response) }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn revoked_token_under_60_callers_costs_one_request() {
    for rejects in [Rejects::Bare, Rejects::InvalidToken] {
        for age in [Duration::ZERO, YOUNG] {
            let (kit, api) = (Kit::new(rules(DAY, 50)), Api::default());
            let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
            let service = layer.layer(api.service(rejects));
            call(&mut service.clone()).await.unwrap();
            sleep(age).await;
            api.revoke(&kit);
            let mut callers = JoinSet::new();
            for nth in 0..60 {
                let mut service = service.clone();
                callers.spawn(async move {
                    sleep(Duration::from_millis(nth)).await;
                    call(&mut service).await.unwrap()
                });
            }
            assert_eq!(callers.join_all().await, [200; 60], "{rejects:?} {age:?}");
            let requests = kit.issuer.counters().token_requests;
            assert_eq!(requests, 2, "{rejects:?} {age:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn post_is_replayed_with_proof_only() {
    for (rejects, expected) in [(Rejects::Bare, 401), (Rejects::InvalidToken, 200)] {
        for age in [Duration::ZERO, YOUNG] {
            let (kit, api) = (Kit::new(rules(DAY, 50)), Api::default());
            let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
            let mut service = layer.layer(api.service(rejects));
            call(&mut service).await.unwrap();
            sleep(age).await;
            api.revoke(&kit);
            for expected in [expected, expected] {
                let mut request = get("http://localhost/pay");
                *request.method_mut() = Method::POST;
                let response = service.ready().await.unwrap().call(request).await;
                assert_eq!(response.unwrap().status(), expected, "{rejects:?} {age:?}");
                if expected == 401 {
                    // Served on until another has come.
                    assert!(kit.tokens.peek().is_some());
                }
            }
        }
    }
}

/// An endpoint that rejects every token.
fn odd()
-> impl Service<Request<String>, Response = Response<String>, Error = Infallible, Future: Send> + Clone
{
    service_fn(|_: Request<String>| async { Ok(status(401)) })
}

/// Calls one endpoint every second, and another, which rejects every token, every ten. Returns how many calls of
/// the first failed and how many waited, and the number of token requests.
async fn hour_beside(odd_path: &str, issuing: Issuing, is_down: bool) -> (u32, u32, u64) {
    let kit = Kit::new(rules(DAY, 400).issuing(issuing));
    let layer = EnkashAuthLayer::new(kit.tokens.clone());
    let (mut client, mut odd) = (kit.client(), layer.layer(odd()));
    assert_eq!(call(&mut client).await.unwrap(), 200);
    kit.issuer.set_outage(is_down);
    let (mut failed, mut waited) = (0, 0);
    let start = Instant::now();
    for second in 0..3_600 {
        if second % 10 == 0 {
            let response = odd.ready().await.unwrap().call(get(odd_path)).await;
            assert_eq!(response.unwrap().status(), 401);
        }
        let before = Instant::now();
        failed += u32::from(!matches!(call(&mut client).await, Ok(200)));
        waited += u32::from(before.elapsed() > Duration::from_millis(50));
        sleep_until(start + Duration::from_secs(second + 1)).await;
    }
    (failed, waited, kit.issuer.counters().token_requests)
}

#[tokio::test(start_paused = true)]
async fn own_401_of_an_endpoint_costs_others_nothing() {
    for issuing in [Issuing::Rotating, Issuing::Reusing] {
        // The path of the others, too.
        for path in ["http://localhost/odd", "http://localhost/api/v0/cards"] {
            let (failed, waited, requests) = hour_beside(path, issuing, false).await;
            assert_eq!((failed, waited), (0, 0), "{path}");
            assert!(
                requests <= 20,
                "{requests} token requests, {issuing:?}, {path}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn own_401_while_token_server_is_down_fails_no_other_call() {
    let (failed, waited, _) = hour_beside("http://localhost/odd", Issuing::Rotating, true).await;
    assert_eq!((failed, waited), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn single_own_401_during_outage_fails_no_other_call() {
    let kit = Kit::new(rules(DAY, 10));
    let mut client = kit.client();
    assert_eq!(call(&mut client).await.unwrap(), 200);
    let mut odd = EnkashAuthLayer::new(kit.tokens.clone()).layer(odd());
    kit.issuer.set_outage(true);
    assert_eq!(call(&mut odd).await.unwrap(), 401);
    assert_eq!(call(&mut client).await.unwrap(), 200);
}

#[tokio::test(start_paused = true)]
async fn revocation_after_basic_401_is_served_at_once() {
    for rejects in [Rejects::Bare, Rejects::InvalidToken] {
        let (kit, api) = (Kit::new(rules(DAY, 50)), Api::default());
        let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
        let mut client = layer.layer(api.service(rejects));
        assert_eq!(call(&mut client).await.unwrap(), 200);
        sleep(Duration::from_secs(60)).await;
        let mut basic = layer.layer(service_fn(|_: Request<String>| async {
            let basic = Response::builder()
                .status(401)
                .header("www-authenticate", "Basic");
            Ok::<_, Infallible>(basic.body(String::new()).unwrap())
        }));
        assert_eq!(call(&mut basic).await.unwrap(), 401);
        sleep(Duration::from_secs(1)).await;
        api.revoke(&kit);
        for _ in 0..10 {
            assert_eq!(call(&mut client).await.unwrap(), 200, "{rejects:?}");
        }
        assert_eq!(kit.issuer.counters().token_requests, 2);
    }
}

/// The API learns of a token 1.5 s after its issue.
#[tokio::test(start_paused = true)]
async fn token_that_the_api_learns_of_late_causes_no_storm() {
    for reject in [|| status(401), invalid_token] {
        let started = Instant::now();
        let tokens = cache(endpoint(move |_| async move {
            sleep(Duration::from_millis(50)).await;
            grant(&format!("at-{}", started.elapsed().as_millis()), 300)
        }));
        let api = service_fn(move |request: Request<String>| async move {
            let token = request.headers()[AUTHORIZATION].to_str().unwrap();
            let at: u128 = token.rsplit_once('-').unwrap().1.parse().unwrap();
            let is_known = started.elapsed().as_millis() > at + 1_500;
            Ok::<_, Infallible>(if is_known { status(200) } else { reject() })
        });
        let layer = EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default());
        let mut client = layer.layer(api);
        let mut last = Duration::ZERO;
        for _ in 0..40 * 120 {
            if call(&mut client).await.unwrap() == 401 {
                last = started.elapsed();
            }
            sleep(Duration::from_millis(25)).await;
        }
        assert!(last < Duration::from_secs(2), "rejected until {last:?}");
        let requests = tokens.status().token_requests();
        assert!(requests <= 3, "{requests} token requests");
    }
}

/// A token that was revoked, by bare 401s on two paths, with an issuer that does not know it at first.
#[tokio::test(start_paused = true)]
async fn ten_401s_on_two_paths_stop_the_token() {
    let kit = Kit::new(rules(DAY, 10));
    kit.tokens.token().await.unwrap();
    sleep(YOUNG).await;
    kit.issuer.set_outage(true);
    let mut client = EnkashAuthLayer::new(kit.tokens.clone()).layer(odd());
    let mut calls = 0;
    while kit.tokens.peek().is_some() {
        let path = format!("http://localhost/{}?query={calls}", calls % 2);
        let called = client.ready().await.unwrap().call(get(&path)).await;
        assert_eq!(called.unwrap().status(), 401);
        calls += 1;
        assert!(calls < 100);
    }
    // The first was not watched.
    assert_eq!(calls, 10);
    call(&mut client).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn user_rejects_a_token_by_its_generation() {
    let kit = Kit::new(rules(DAY, 10));
    let first = kit.tokens.token().await.unwrap();
    kit.tokens.reject(&first);
    assert!(kit.tokens.peek().is_none());
    let second = kit.tokens.token().await.unwrap();
    assert_eq!(second.generation(), 2);
    // It is not about the newer one.
    kit.tokens.reject(&first);
    assert_eq!(kit.tokens.peek().unwrap().generation(), 2);
    for _ in 0..10 {
        kit.tokens.reject(&kit.tokens.token().await.unwrap());
    }
    assert_eq!(kit.issuer.counters().token_requests, 3, "two at once");
    assert!(kit.tokens.peek().is_some());
    sleep(Duration::from_secs(30)).await;
    kit.tokens.reject(&kit.tokens.token().await.unwrap());
    assert!(kit.tokens.peek().is_none());
}

#[tokio::test(start_paused = true)]
async fn rejection_of_second_token_is_reported() {
    let kit = Kit::new(rules(DAY, 10));
    let layer = EnkashAuthLayer::new(kit.tokens.clone()).replay(ReplayPolicy::default());
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let mut client = layer.layer(service_fn(move |_: Request<String>| {
        counted.fetch_add(1, Ordering::Relaxed);
        async { Ok::<_, Infallible>(status(401)) }
    }));
    assert_eq!(call(&mut client).await.unwrap(), 401);
    kit.tokens.idle().await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    assert_eq!(kit.issuer.counters().token_requests, 3);
}

/// Outside a runtime, a rejection spawns no fetch; the next caller does.
#[test]
fn rejection_outside_a_runtime_is_recorded() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let tokens = cache(endpoint(move |_| {
        let nth = asked.fetch_add(1, Ordering::Relaxed);
        async move { grant(&format!("token-{nth}"), 300) }
    }));
    let token = runtime.block_on(tokens.token()).unwrap();
    tokens.reject(&token);
    assert!(tokens.peek().is_none());
    let token = runtime.block_on(tokens.token()).unwrap();
    assert_eq!(token.expose(), "token-1");
}

#[test]
fn replay_outside_a_runtime_returns_the_first_response() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let tokens = cache(endpoint(move |_| {
        let is_first = asked.fetch_add(1, Ordering::Relaxed) == 0;
        async move {
            if !is_first {
                std::future::pending::<()>().await;
            }
            grant("one", 300)
        }
    }));
    runtime.block_on(tokens.token()).unwrap();
    let layer = EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default());
    let client = layer.layer(odd());
    let entered = runtime.enter();
    // This one spawns the fetch, and waits for it.
    let mut first = Box::pin(client.clone().oneshot(get("http://localhost/")));
    assert!((&mut first).now_or_never().is_none());
    drop(entered);
    let second = client.oneshot(get("http://localhost/")).now_or_never();
    assert_eq!(second.unwrap().unwrap().status(), 401);
    drop(first);
}

/// A 401 in error, and later a revocation that only 2xx before it tell apart.
#[tokio::test(start_paused = true)]
async fn later_2xx_ends_doubt_although_the_token_server_is_down() {
    let kit = Kit::new(rules(DAY, 10));
    let is_odd = Arc::new(AtomicBool::new(false));
    let errs = Arc::clone(&is_odd);
    let mut client =
        EnkashAuthLayer::new(kit.tokens.clone()).layer(service_fn(move |_: Request<String>| {
            let response = status(if errs.load(Ordering::Relaxed) {
                401
            } else {
                200
            });
            async { Ok::<_, Infallible>(response) }
        }));
    assert_eq!(call(&mut client).await.unwrap(), 200);
    kit.issuer.set_outage(true);
    is_odd.store(true, Ordering::Relaxed);
    assert_eq!(call(&mut client).await.unwrap(), 401);
    is_odd.store(false, Ordering::Relaxed);
    sleep(Duration::from_secs(60)).await;
    let before = kit.tokens.status().fetches();
    assert!(before >= 1);
    assert_eq!(call(&mut client).await.unwrap(), 200);
    kit.tokens.idle().await;
    let before = kit.tokens.status().fetches();
    for _ in 0..10 {
        sleep(Duration::from_secs(60)).await;
        assert_eq!(call(&mut client).await.unwrap(), 200);
    }
    assert_eq!(kit.tokens.status().fetches(), before, "no more");
}

/// The first 401 is not watched, and its origin is unknown. Of the next one it is known.
#[tokio::test(start_paused = true)]
async fn accepting_origin_ends_no_doubt_of_a_watched_401() {
    let (kit, api) = (Kit::new(rules(DAY, 10)), Api::default());
    let home = api.service(Rejects::Bare);
    let layer = EnkashAuthLayer::new(kit.tokens.clone())
        .allow_origin("https://pay.enkash.in".parse().unwrap());
    let client = layer.layer(service_fn(move |request: Request<String>| {
        let is_home = request.uri().host() == Some("localhost");
        let home = home.clone().oneshot(request);
        async move {
            match is_home {
                true => home.await,
                false => Ok(status(200)),
            }
        }
    }));
    let call = async |uri| {
        sleep(Duration::from_secs(60)).await;
        let response = client.clone().oneshot(get(uri)).await.unwrap();
        kit.tokens.idle().await;
        response.status().as_u16()
    };
    let (home, other) = ("http://localhost/", "https://pay.enkash.in/");
    assert_eq!(call(home).await, 200);
    api.revoke(&kit);
    kit.issuer.set_outage(true);

    assert_eq!(call(home).await, 401);
    assert_eq!(call(other).await, 200);
    let fetches = kit.tokens.status().fetches();
    assert_eq!(call(other).await, 200);
    assert_eq!(kit.tokens.status().fetches(), fetches, "no doubt");

    assert_eq!(call(home).await, 401);
    assert_eq!(call(other).await, 200);
    kit.issuer.set_outage(false);
    assert_eq!(call(other).await, 200);
    assert_eq!(call(home).await, 200);
}

#[tokio::test(start_paused = true)]
async fn late_2xx_to_an_earlier_call_ends_no_doubt() {
    let kit = Kit::new(rules(DAY, 10));
    kit.tokens.token().await.unwrap();
    kit.issuer.set_outage(true);
    // With a classifier, all calls are watched.
    let layer = EnkashAuthLayer::new(kit.tokens.clone()).classifier(EnkashProfile);
    let client = layer.layer(service_fn(|request: Request<String>| async move {
        if request.uri().path() == "/odd" {
            return Ok::<_, Infallible>(status(401));
        }
        sleep(Duration::from_secs(2)).await;
        Ok(status(200))
    }));
    let slow = tokio::spawn(client.clone().oneshot(get("http://localhost/slow")));
    sleep(Duration::from_secs(1)).await;
    let odd = client.oneshot(get("http://localhost/odd")).await;
    assert_eq!(odd.unwrap().status(), 401);
    assert_eq!(slow.await.unwrap().unwrap().status(), 200);
    kit.issuer.set_outage(false);
    sleep(Duration::from_secs(60)).await;
    kit.tokens.token().await.unwrap();
    kit.tokens.idle().await;
    assert_eq!(kit.tokens.token().await.unwrap().generation(), 2);
}
