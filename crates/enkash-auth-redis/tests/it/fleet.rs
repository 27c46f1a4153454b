//! Caches that share a store and an issuer as processes would, each with a connection of its own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use enkash_auth_core::{Client, Clock, Credentials, Environment, SystemClock, User};
use enkash_auth_redis::tower::{TokenCache, TokenEndpoint};
use enkash_auth_sandbox::{Accounts, Issuer, Issuing, Rules, SandboxService};
use tokio::{task::JoinSet, time::sleep};

use crate::server::Server;

pub(crate) struct Fleet {
    pub(crate) server: Server,
    pub(crate) issuer: Issuer,
    pub(crate) user: String,
}

impl Fleet {
    pub(crate) async fn new(lifetime: Duration, delay: Duration) -> Option<Self> {
        static USERS: AtomicU64 = AtomicU64::new(0);
        let server = Server::start(&[]).await?;
        // The record of a process is one for all its caches: each test has an account of its own.
        let number = USERS.fetch_add(1, Ordering::Relaxed);
        let user = format!("user-{number}@example.com");
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user(&user, "password");
        let rules = Rules::new()
            .lifetime(lifetime)
            .issuing(Issuing::Rotating)
            .delay(delay);
        Some(Self {
            server,
            issuer: Issuer::builder().accounts(accounts).rules(rules).build(),
            user,
        })
    }

    pub(crate) fn endpoint(&self, password: &str) -> TokenEndpoint {
        let service = SandboxService::new(self.issuer.clone());
        TokenEndpoint::with_service(environment(), credentials(&self.user, password), service)
            .unwrap()
    }

    pub(crate) fn start(&self, password: &str) -> TokenCache {
        self.start_with(password, SystemClock)
    }

    pub(crate) fn start_with(&self, password: &str, clock: impl Clock) -> TokenCache {
        TokenCache::builder(self.endpoint(password))
            .clock(clock)
            .store(self.server.store())
            .build()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.issuer.counters().token_requests
    }
}

pub(crate) fn environment() -> Environment {
    Environment::custom("http://localhost").unwrap()
}

pub(crate) fn credentials(user: &str, password: &str) -> Credentials {
    let client = Client::new("client-id", "client-secret");
    Credentials::password(client, User::new(user, password))
}

const LONG: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn ten_at_once_make_one_request() {
    let Some(fleet) = Fleet::new(LONG, Duration::from_millis(300)).await else {
        return;
    };
    let mut starting = JoinSet::new();
    for _ in 0..10 {
        let tokens = fleet.start("password");
        starting.spawn(async move { tokens.token().await.unwrap().expose().to_owned() });
    }
    let tokens = starting.join_all().await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_sent_once_by_all() {
    let Some(fleet) = Fleet::new(LONG, Duration::ZERO).await else {
        return;
    };
    let mut starting = JoinSet::new();
    for _ in 0..8 {
        let tokens = fleet.start("wrong");
        starting.spawn(async move { tokens.token().await.unwrap_err() });
    }
    starting.join_all().await;
    assert_eq!(fleet.requests(), 1);
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_leaves_and_the_record_stays() {
    let Some(fleet) = Fleet::new(Duration::from_secs(2), Duration::ZERO).await else {
        return;
    };
    fleet.start("wrong").token().await.unwrap_err();
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.server.keys(":token:*").await.len(), 1);
    let start = tokio::time::Instant::now();
    while !fleet.server.keys(":token:*").await.is_empty() {
        assert!(start.elapsed() < Duration::from_secs(4));
        sleep(Duration::from_millis(50)).await;
    }
    let ledger = &fleet.server.keys(":ledger").await[0];
    let life: i64 = redis::cmd("PTTL")
        .arg(ledger)
        .query_async(&mut fleet.server.redis().await)
        .await
        .unwrap();
    assert_eq!(life, -1);
}
