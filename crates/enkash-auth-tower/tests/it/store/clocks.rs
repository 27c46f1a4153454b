//! Clocks that disagree, owners that stop, and late responses.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::ManualClock;
use enkash_auth_tower::{
    ErrorKind, MemoryStore, TokenCache, TokenEndpoint, TokenRequestBody, internal::Process,
};
use futures_util::FutureExt;
use http::{Request, Response};
use tokio::{sync::oneshot, task::yield_now, time::sleep};

use super::{Fleet, flaky::Flaky, policy, rejection, strikes};
use crate::{
    support::{Kit, credentials, endpoint, environment, grant, rules, user},
    undriven::runtime,
};

/// The store's clock is changed while an attempt with a wrong password is in flight, and another process
/// wants to make the same attempt.
#[tokio::test(start_paused = true)]
async fn changed_store_clock_grants_no_second_attempt() {
    for ahead in [-500, -5_000, -20_000, -700_000, 20_000] {
        let fleet = Fleet::new(Kit::new(rules(300, 5_000)), Flaky::default());
        fleet.store.set_clock(fleet.clock, 0);
        let (one, two) = (fleet.start("wrong"), fleet.start("wrong"));
        let first = tokio::spawn(one.token());
        sleep(Duration::from_secs(1)).await;
        fleet.store.set_clock(fleet.clock, ahead);
        let second = two.token().await;
        for error in [first.await.unwrap(), second] {
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Rejected, "{ahead}");
        }
        assert_eq!(fleet.requests(), 1, "{ahead}");
        assert_eq!((strikes(&one), strikes(&two)), ((1, 0), (1, 0)));
    }
}

/// More than 10 minutes forward is the exception: the lease has passed by then.
#[tokio::test(start_paused = true)]
async fn attempt_with_passed_lease_does_not_block_new_process() {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Flaky::default());
    let right = credentials(&fleet.kit.user, "password");
    let _ = fleet.begin_elsewhere(fleet.account(), &right).await;
    sleep(Duration::from_secs(10 * 60 + 14)).await;
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    assert_eq!(strikes(&tokens), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn attempt_of_unknown_owner_blocks_until_its_lease_has_passed() {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Flaky::default());
    let right = credentials(&fleet.kit.user, "password");
    let _ = fleet.begin_elsewhere(fleet.account(), &right).await;
    let tokens = fleet.start("password");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(fleet.requests(), 0);
    sleep(Duration::from_secs(7)).await;
    tokens.token().await.unwrap();
}

/// The attempt would time out without a response, and count.
#[tokio::test(start_paused = true)]
async fn fetch_near_its_deadline_begins_no_attempt() {
    let fleet = Fleet::new(Kit::new(rules(300, 3_500)), Flaky::default());
    let right = credentials(&fleet.kit.user, "password");
    let _ = fleet.begin_elsewhere(fleet.account(), &right).await;
    let tokens = fleet.start("password");
    // The lease of 14 s passes when the second fetch has 3 s left.
    for _ in 0..2 {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(fleet.requests(), 0);
        sleep(Duration::from_millis(1_500)).await;
    }
    tokens.token().await.unwrap();
    assert_eq!((fleet.requests(), strikes(&tokens)), (1, (0, 0)));
}

/// Two processes, each on a runtime driven by hand, and the server's response to the first.
struct Stopped {
    clock: ManualClock,
    requests: Arc<AtomicU32>,
    one: TokenCache,
    two: TokenCache,
    respond: oneshot::Sender<Response<String>>,
}

impl Stopped {
    fn new(first: &str, second: &str) -> Self {
        let (respond, waiting) = oneshot::channel();
        let waiting = Arc::new(Mutex::new(Some(waiting)));
        let requests = Arc::new(AtomicU32::new(0));
        let (clock, store, user) = (ManualClock::new(), Arc::new(MemoryStore::new()), user());
        let start = |password| {
            let (waiting, requests) = (Arc::clone(&waiting), Arc::clone(&requests));
            let service = tower::service_fn(move |_: Request<TokenRequestBody>| {
                let nth = requests.fetch_add(1, Ordering::Relaxed);
                let waiting = waiting.lock().unwrap().take();
                async move {
                    Ok::<_, Infallible>(match waiting {
                        Some(response) => response.await.unwrap(),
                        None => grant(&format!("token-{nth}"), 300),
                    })
                }
            });
            let credentials = credentials(&user, password);
            let endpoint = TokenEndpoint::with_service(environment(), credentials, service);
            TokenCache::builder(endpoint.unwrap())
                .clock(clock.clone())
                .policy(policy())
                .unwrap()
                .process(Process::new())
                .store(Arc::clone(&store))
                .build()
        };
        Self {
            one: start(first),
            two: start(second),
            clock,
            requests,
            respond,
        }
    }
}

/// Stops the first process after it has sent, until its lease passes and the second has a token, and resumes it.
fn late(first: &str, response: Response<String>) -> Stopped {
    let mut stopped = Stopped::new(first, "password");
    let (slow, well) = (runtime(), runtime());
    slow.block_on(async {
        assert!(stopped.one.token().now_or_never().is_none());
        while stopped.requests.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }
    });
    well.block_on(async {
        // The attempt has to be observed for the whole lease.
        stopped.two.load_status().await.unwrap();
        stopped.clock.advance(Duration::from_secs(14));
        stopped.two.token().await.unwrap();
    });
    let (respond, _) = oneshot::channel();
    let respond = std::mem::replace(&mut stopped.respond, respond);
    respond.send(response).unwrap();
    slow.block_on(async {
        while stopped.one.status().is_fetching() {
            yield_now().await;
        }
    });
    well.block_on(stopped.two.load_status()).unwrap();
    stopped
}

#[test]
fn late_rejection_after_success_still_counts() {
    let stopped = late("wrong", rejection());
    assert_eq!(strikes(&stopped.one), (1, 0));
    assert_eq!(strikes(&stopped.two), (1, 0));
    assert_eq!(stopped.requests.load(Ordering::Relaxed), 2);
    stopped.clock.advance(Duration::from_secs(3_600));
    let error = runtime().block_on(stopped.one.token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    // One strike is not two.
    runtime().block_on(stopped.two.token()).unwrap();
    assert_eq!(strikes(&stopped.two), (0, 0));
}

#[test]
fn late_success_after_another_is_discarded() {
    let stopped = late("password", grant("late", 300));
    assert_eq!(strikes(&stopped.two), (0, 0));
    let token = runtime().block_on(stopped.one.token()).unwrap();
    assert_eq!(token.expose(), "token-1");
    assert_eq!(stopped.requests.load(Ordering::Relaxed), 2);
}

/// An owner is stopped between its permit and the first byte, and resumes after its lease.
#[test]
fn permit_used_after_its_lease_sends_nothing() {
    let stopped = Stopped::new("password", "password");
    let (slow, well) = (runtime(), runtime());
    // Its task is spawned but not driven.
    slow.block_on(async { assert!(stopped.one.token().now_or_never().is_none()) });
    well.block_on(async {
        stopped.clock.advance(Duration::from_secs(15));
        assert!(stopped.two.token().now_or_never().is_none());
        while stopped.requests.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }
    });
    slow.block_on(async {
        for _ in 0..100 {
            yield_now().await;
        }
    });
    assert_eq!(stopped.requests.load(Ordering::Relaxed), 1);
}

/// Exception 5: it was checked in time, and sent after its lease, when it no longer counted.
#[test]
fn request_that_stalls_past_its_lease_counts_once_more() {
    let (clock, store, user) = (ManualClock::new(), Arc::new(MemoryStore::new()), user());
    let (is_called, rejections) = (Arc::<AtomicBool>::default(), Arc::<AtomicU32>::default());
    let (resume, stalled) = oneshot::channel::<()>();
    let stalled = Arc::new(Mutex::new(Some(stalled)));
    let start = |password: &'static str| {
        let (is_called, rejections) = (Arc::clone(&is_called), Arc::clone(&rejections));
        let stalled = Arc::clone(&stalled);
        let service = tower::service_fn(move |_: Request<TokenRequestBody>| {
            let (is_called, rejections) = (Arc::clone(&is_called), Arc::clone(&rejections));
            let stalled = stalled.lock().unwrap().take_if(|_| password == "stalled");
            async move {
                if let Some(stalled) = stalled {
                    is_called.store(true, Ordering::Relaxed);
                    stalled.await.unwrap();
                }
                // Here the first byte leaves.
                Ok::<_, Infallible>(match password {
                    "password" => grant("one", 300),
                    _ => {
                        rejections.fetch_add(1, Ordering::Relaxed);
                        rejection()
                    }
                })
            }
        });
        let credentials = credentials(&user, password);
        let endpoint = TokenEndpoint::with_service(environment(), credentials, service);
        TokenCache::builder(endpoint.unwrap())
            .clock(clock.clone())
            .policy(policy())
            .unwrap()
            .process(Process::new())
            .store(Arc::clone(&store))
            .build()
    };
    let (slow, well) = (runtime(), runtime());
    let (late, right) = (start("stalled"), start("password"));
    slow.block_on(async {
        assert!(late.token().now_or_never().is_none());
        while !is_called.load(Ordering::Relaxed) {
            yield_now().await;
        }
    });
    well.block_on(async {
        right.load_status().await.unwrap();
        clock.advance(Duration::from_secs(15));
        right.token().await.unwrap();
        for (wrong, expected) in [
            ("one", ErrorKind::Rejected),
            ("two", ErrorKind::Rejected),
            ("three", ErrorKind::AccountClosed),
        ] {
            let error = start(wrong).token().await.unwrap_err();
            assert_eq!(error.kind(), expected);
        }
    });
    assert_eq!(rejections.load(Ordering::Relaxed), 2);
    resume.send(()).unwrap();
    slow.block_on(async {
        while late.status().is_fetching() {
            yield_now().await;
        }
    });
    assert_eq!(rejections.load(Ordering::Relaxed), 3);
    well.block_on(async {
        clock.advance(Duration::from_secs(3_600));
        for tokens in [&late, &right, &start("four")] {
            tokens.token().await.unwrap_err();
            assert_eq!(strikes(tokens), (3, 0));
        }
    });
    assert_eq!(rejections.load(Ordering::Relaxed), 3);
}

/// The machine is restarted when a token is 20 h old, and its wall clock is then set back.
#[tokio::test]
async fn stored_token_older_than_uptime_expires_by_either_clock() {
    const HOUR: Duration = Duration::from_secs(3_600);
    let endpoint = endpoint(|_| async { grant("one", 86_399) });
    let store = Arc::new(MemoryStore::new());
    let start = |clock: &ManualClock| {
        TokenCache::builder(endpoint.clone())
            .clock(clock.clone())
            .process(Process::new())
            .store(Arc::clone(&store))
            .build()
    };
    start(&ManualClock::new()).token().await.unwrap();
    let restarted = ManualClock::new();
    restarted.suspend(HOUR * 20);
    let tokens = start(&restarted);
    tokens.token().await.unwrap();
    assert_eq!(tokens.status().token_requests(), 0);
    restarted.step_wall_back(HOUR);
    restarted.advance(HOUR * 4);
    assert!(tokens.peek().is_none(), "{:?}", tokens.status());
}
