//! Caches that share a store and an issuer as processes would: each with its own connection and memory.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use enkash_auth_core::{Client, Credentials, Environment, User, account::AccountRecord};
use enkash_auth_redis::RedisStore;
use enkash_auth_sandbox::{Accounts, Issuer, Issuing, Rules, SandboxService};
use enkash_auth_tower::{
    ErrorKind, TokenCache, TokenCacheBuilder, TokenEndpoint, internal::Process,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::ServiceBuilder;

use crate::support::{server::Server, soon::soon};

pub(crate) const LONG: Duration = Duration::from_secs(300);

pub(crate) struct Fleet {
    pub(crate) server: Server,
    issuer: Issuer,
    /// When each token request was sent.
    sent: Arc<Mutex<Vec<Instant>>>,
}

impl Fleet {
    /// Starts an issuer whose tokens last for `lifetime`, and a server.
    pub(crate) async fn new(lifetime: Duration) -> Self {
        Self::slow(lifetime, Duration::ZERO).await
    }

    /// Like `new`, with an issuer that takes `delay` to respond.
    pub(crate) async fn slow(lifetime: Duration, delay: Duration) -> Self {
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user("user@example.com", "password");
        let rules = Rules::new()
            .lifetime(lifetime)
            .issuing(Issuing::Rotating)
            .delay(delay);
        Self {
            server: Server::start(&[]).await,
            issuer: Issuer::builder().accounts(accounts).rules(rules).build(),
            sent: Arc::default(),
        }
    }

    /// Returns the cache of a new process with `password`.
    pub(crate) fn start(&self, password: &str) -> TokenCache {
        self.process(password).build()
    }

    pub(crate) fn process(&self, password: &str) -> TokenCacheBuilder {
        self.over(self.server.store(), password)
    }

    pub(crate) fn over(&self, store: RedisStore, password: &str) -> TokenCacheBuilder {
        let sent = Arc::clone(&self.sent);
        let service = ServiceBuilder::new()
            .map_request(move |request| {
                sent.lock().unwrap().push(Instant::now());
                request
            })
            .service(SandboxService::new(self.issuer.clone()));
        let endpoint =
            TokenEndpoint::with_service(environment(), credentials(password), service).unwrap();
        TokenCache::builder(endpoint)
            .store(store)
            .process(Process::new())
    }

    /// Returns the attempts in the record, including pending ones.
    pub(crate) async fn attempts(&self) -> usize {
        let account = self.start("password").account().unwrap();
        let record = self.server.get(&self.server.key().await).await;
        let record = AccountRecord::from_bytes(account, &record).unwrap();
        record.facts().attempts().len()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.issuer.counters().token_requests
    }

    /// Asserts that each token was requested for another expiry: none soon after the one before. Tokens last for
    /// `life`.
    pub(crate) fn assert_one_request_for_each_expiry(&self, life: Duration) {
        let sent = self.sent.lock().unwrap();
        let apart = sent.iter().zip(sent.iter().skip(1));
        let apart = apart.map(|(one, next)| *next - *one);
        let apart: Vec<Duration> = apart.collect();
        // A token is refreshed after half of its life, or a little more.
        assert!(apart.iter().all(|time| *time > life * 2 / 5), "{apart:?}");
    }

    pub(crate) fn rejections(&self) -> u64 {
        self.issuer.counters().rejections
    }
}

/// Asks for a token every 20 ms until `end`; each call has to return one. Returns the number of calls, and how long
/// the slowest one took.
pub(crate) async fn keep_calling(tokens: TokenCache, end: Instant) -> (u32, Duration) {
    let (mut calls, mut slowest) = (0, Duration::ZERO);
    while Instant::now() < end {
        let called = Instant::now();
        tokens.token().await.unwrap();
        slowest = slowest.max(called.elapsed());
        calls += 1;
        sleep(Duration::from_millis(20)).await;
    }
    (calls, slowest)
}

pub(crate) fn environment() -> Environment {
    Environment::custom("http://localhost").unwrap()
}

pub(crate) fn credentials(password: &str) -> Credentials {
    let client = Client::new("client-id", "client-secret");
    Credentials::password(client, User::new("user@example.com", password))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn ten_cold_caches_make_one_token_request() {
    let fleet = Fleet::slow(LONG, Duration::from_millis(300)).await;
    let mut starting = JoinSet::new();
    for _ in 0..10 {
        let tokens = fleet.start("password");
        starting.spawn(async move { tokens.token().await.unwrap().expose().to_owned() });
    }
    let tokens = starting.join_all().await;
    assert!(tokens.windows(2).all(|two| two.first() == two.last()));
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn wrong_password_is_sent_once_by_fleet() {
    let fleet = Fleet::new(LONG).await;
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let tokens = fleet.start("wrong");
        starting.spawn(async move { tokens.token().await.unwrap_err().kind() });
    }
    let errors = starting.join_all().await;
    assert!(errors.iter().all(|kind| *kind == ErrorKind::Rejected));
    assert_eq!(fleet.requests(), 1);
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn deleted_record_is_restored_by_live_process() {
    let fleet = Fleet::new(LONG).await;
    let rejected = fleet.start("wrong");
    rejected.token().await.unwrap_err();
    fleet.server.run::<()>(&[b"FLUSHALL"]).await;
    soon("a process has looked", async || {
        !fleet.server.keys().await.is_empty()
    })
    .await;
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
    drop(rejected);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn reset_in_one_process_opens_account_for_fleet() {
    let fleet = Fleet::new(LONG).await;
    for wrong in ["wrong", "wrong too"] {
        fleet.start(wrong).token().await.unwrap_err();
    }
    let closed = fleet.start("password");
    let error = closed.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert_eq!(fleet.requests(), 2);
    fleet.start("password").reset().await.unwrap();
    fleet.start("password").token().await.unwrap();
    // Rejected credentials stay rejected.
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 3);
}
