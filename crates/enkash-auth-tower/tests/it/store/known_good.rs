//! Known good credentials: which attempts are made after lost responses, and without the store.

use std::time::Duration;

use enkash_auth_tower::{ErrorKind, OnStoreDown, TokenCache};
use tokio::time::{Instant, sleep};

use super::{
    Fleet, LOOK, Server,
    flaky::{Flaky, Mood},
    strikes,
};
use crate::support::{Kit, credentials, rules, user};

const MINUTE: Duration = Duration::from_secs(60);

/// Processes with a token that is about to expire when the password changes.
struct Scene {
    fleet: Fleet<Flaky>,
    server: Server,
    live: Vec<TokenCache>,
}

impl Scene {
    async fn new(processes: usize, on_store_down: OnStoreDown) -> Self {
        let fleet = Fleet::new(Kit::new(rules(300, 10)), Flaky::default());
        let server = Server::new();
        let start = |_| {
            let builder = fleet.builder(server.endpoint());
            builder.on_store_down(on_store_down).build()
        };
        let live: Vec<_> = (0..processes).map(start).collect();
        for tokens in &live {
            tokens.token().await.unwrap();
        }
        assert_eq!(server.requests(), 1);
        server.change_password();
        Self {
            fleet,
            server,
            live,
        }
    }

    /// Calls `token` on each process once a second for `span`.
    async fn ask(&self, span: Duration) {
        let until = Instant::now() + span;
        let callers: Vec<_> = self
            .live
            .iter()
            .cloned()
            .map(|tokens| {
                tokio::spawn(async move {
                    while Instant::now() < until {
                        let _ = tokens.token().await;
                        sleep(Duration::from_secs(1)).await;
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
    }

    /// Returns the number of attempts since the password changed.
    fn attempts(&self) -> u32 {
        self.server.requests() - 1
    }
}

#[tokio::test(start_paused = true)]
async fn lost_responses_and_probes_cost_one_attempt() {
    let scene = Scene::new(2, OnStoreDown::default()).await;
    scene.server.lose(true, true);
    scene.ask(5 * MINUTE).await;
    assert_eq!(scene.attempts(), 1);
    scene.server.lose(false, false);
    scene.ask(60 * MINUTE).await;
    assert_eq!((scene.attempts(), scene.server.rejections()), (2, 1));
    for tokens in &scene.live {
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert_eq!(strikes(tokens), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn lost_responses_alone_cost_two_attempts_in_15_min() {
    let scene = Scene::new(2, OnStoreDown::default()).await;
    scene.server.lose(true, false);
    scene.ask(14 * MINUTE).await;
    assert_eq!(scene.attempts(), 2);
    // Exception 1: the third, 15 min later.
    scene.ask(5 * MINUTE).await;
    assert_eq!(scene.attempts(), 3);
}

/// If no probe ever got a response, an attempt is made every 15 min.
#[tokio::test(start_paused = true)]
async fn server_without_probes_is_attempted_every_15_min() {
    let scene = Scene::new(2, OnStoreDown::default()).await;
    scene.server.lose(true, true);
    scene.ask(14 * MINUTE).await;
    assert_eq!(scene.attempts(), 1);
    scene.ask(5 * MINUTE).await;
    assert_eq!(scene.attempts(), 2);
    scene.ask(15 * MINUTE).await;
    assert_eq!(scene.attempts(), 3);
}

#[tokio::test(start_paused = true)]
async fn known_good_credentials_recover_with_the_server() {
    let fleet = Fleet::new(Kit::new(rules(300, 10)), Flaky::default());
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    let delay = |seconds| {
        let issuer = &fleet.kit.issuer;
        issuer.change_rules(|rules| rules.delay(Duration::from_secs(seconds)));
    };
    delay(60);
    sleep(5 * MINUTE).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    delay(0);
    sleep(Duration::from_secs(2)).await;
    tokens.token().await.unwrap();
    // The lost request still counts: the server may carry it out within its lease, after this success.
    assert_eq!((fleet.requests(), strikes(&tokens)), (3, (0, 1)));
    sleep(5 * MINUTE).await;
    tokens.token().await.unwrap();
    assert_eq!((fleet.requests(), strikes(&tokens)), (4, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn hold_sends_nothing_while_the_store_is_down() {
    for processes in [1, 2, 5] {
        for mood in [Mood::Failing, Mood::Hanging, Mood::ReadOnly] {
            let scene = Scene::new(processes, OnStoreDown::Hold).await;
            scene.fleet.store.set(mood);
            scene.ask(10 * MINUTE).await;
            assert_eq!(scene.attempts(), 0, "{processes} {mood:?}");
        }
    }
}

/// Exception 2: each process makes one attempt; two do not lock the account, three do.
#[tokio::test(start_paused = true)]
async fn known_good_process_makes_one_attempt_without_store() {
    for (processes, attempts) in [(1, 1), (2, 2), (5, 5)] {
        for mood in [Mood::Failing, Mood::Hanging, Mood::ReadOnly] {
            for lost in [false, true] {
                let scene = Scene::new(processes, OnStoreDown::KnownGood).await;
                scene.fleet.store.set(mood);
                scene.server.lose(lost, false);
                scene.ask(20 * MINUTE).await;
                assert_eq!(scene.attempts(), attempts, "{processes} {mood:?} {lost}");
                scene.fleet.store.set(Mood::Well);
                sleep(LOOK).await;
                let record = scene.fleet.record_of(scene.server.endpoint().account());
                let counted = record.await.facts().attempts().len();
                assert_eq!(counted, attempts as usize);
            }
        }
    }
}

/// Its own witness replaces the record: rejected once, and once more with other credentials.
#[tokio::test(start_paused = true)]
async fn attempting_process_respects_budget_without_store() {
    for processes in [1, 2, 5] {
        let scene = Scene::new(processes, OnStoreDown::Attempt).await;
        scene.fleet.store.set(Mood::Failing);
        scene.ask(10 * MINUTE).await;
        assert_eq!(scene.attempts() as usize, processes);
        for company in ["a", "b", "c"] {
            for tokens in &scene.live {
                let other = scene.server.credentials().company_id(company);
                tokens.set_credentials(other).unwrap();
                tokens.token().await.unwrap_err();
            }
        }
        assert_eq!(scene.attempts() as usize, 2 * processes);
    }
}

/// Two attempts got no response before the store went down.
#[tokio::test(start_paused = true)]
async fn known_good_process_respects_budget_without_store() {
    let scene = Scene::new(1, OnStoreDown::KnownGood).await;
    scene.server.lose(true, false);
    scene.ask(5 * MINUTE).await;
    assert_eq!(scene.attempts(), 2);
    scene.fleet.store.set(Mood::Failing);
    scene.ask(30 * MINUTE).await;
    assert_eq!(scene.attempts(), 2);
    let error = scene.live[0].token().await.unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::StoreUnavailable | ErrorKind::Unavailable
    ));
}

/// The store goes down while its record is of a newer format.
#[tokio::test(start_paused = true)]
async fn newer_record_format_holds_during_store_outage() {
    for on_store_down in [
        OnStoreDown::KnownGood,
        OnStoreDown::Hold,
        OnStoreDown::Attempt,
    ] {
        let scene = Scene::new(2, on_store_down).await;
        let (store, account) = (&scene.fleet.store, scene.server.endpoint().account());
        let newer = b"enkash-auth record 2\n\x01\x02\x03".to_vec();
        store.put(account, Some(newer.clone()));
        scene.ask(2 * MINUTE).await;
        store.set(Mood::Failing);
        scene.ask(10 * MINUTE).await;
        store.set(Mood::Well);
        scene.ask(2 * MINUTE).await;
        let error = scene.live[0].reset().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert_eq!(scene.attempts(), 0);
        assert_eq!(store.bytes(account), Some(newer));
    }
}

/// The record of the other account is of this format.
#[tokio::test(start_paused = true)]
async fn newer_record_format_holds_after_use_of_another_account() {
    let scene = Scene::new(1, OnStoreDown::Attempt).await;
    let (store, tokens) = (&scene.fleet.store, &scene.live[0]);
    let account = scene.server.endpoint().account();
    store.put(account, Some(b"enkash-auth record 2\n".to_vec()));
    scene.ask(2 * MINUTE).await;
    assert_eq!(scene.attempts(), 0);
    let other = credentials(&user(), "password");
    tokens.set_credentials(other).unwrap();
    tokens.token().await.unwrap_err();
    assert_eq!(scene.attempts(), 1);
    tokens.set_credentials(scene.server.credentials()).unwrap();
    store.set(Mood::Failing);
    scene.ask(2 * MINUTE).await;
    assert_eq!(scene.attempts(), 1);
}

#[tokio::test(start_paused = true)]
async fn record_of_this_format_ends_hold_of_a_newer_one() {
    let scene = Scene::new(1, OnStoreDown::KnownGood).await;
    let (store, tokens) = (&scene.fleet.store, &scene.live[0]);
    let account = scene.server.endpoint().account();
    let record = store.bytes(account);
    store.put(account, Some(b"enkash-auth record 2\n".to_vec()));
    tokens.load_status().await.unwrap_err();
    store.put(account, record);
    tokens.load_status().await.unwrap();
    store.set(Mood::Failing);
    scene.ask(2 * MINUTE).await;
    assert_eq!(scene.attempts(), 1);
}
