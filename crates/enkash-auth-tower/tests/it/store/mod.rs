//! Stores: one token and one record of attempts for all caches that share them.
#![expect(clippy::panic, reason = "a test fails by panicking")]

mod account;
#[cfg(all(target_os = "linux", feature = "file"))]
mod burst;
mod clocks;
#[cfg(all(unix, feature = "file"))]
mod damage;
mod down;
#[cfg(all(unix, feature = "file"))]
mod file;
pub(crate) mod flaky;
mod known_good;
mod lost;
mod overload;
mod process;
#[cfg(all(unix, feature = "file"))]
mod programs;
mod race;
mod rejected;
mod reset;
mod upgrade;
mod waiting;

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{
    AccountKey, Clock, Credentials,
    account::{AccountRecord, Acquire, AttemptContext, AttemptId, AttemptOutcome, Permit, Witness},
};
use enkash_auth_tower::{
    OnStoreDown, RefreshPolicy, Store, TokenCache, TokenCacheBuilder, TokenEndpoint,
    TokenRequestBody, internal::Process,
};
use http::{Method, Request, Response};
use tokio::time::sleep;

use crate::support::{Kit, TokioClock, credentials, environment, grant, user};

/// Longer than the backoff after a rejection, and than the interval at which a process reloads the record.
pub(crate) const LOOK: Duration = Duration::from_secs(7);

/// Returns a policy under which unresolved attempts never age.
pub(crate) fn policy() -> RefreshPolicy {
    let mut policy = RefreshPolicy::default();
    policy.retry_unresolved_after = None;
    policy
}

/// An issuer, and caches that share a store and a clock as processes do.
pub(crate) struct Fleet<S> {
    pub(crate) kit: Kit,
    pub(crate) store: Arc<S>,
    pub(crate) clock: TokioClock,
}

impl<S: Store> Fleet<S> {
    pub(crate) fn new(kit: Kit, store: S) -> Self {
        Self {
            kit,
            store: Arc::new(store),
            clock: TokioClock::new(),
        }
    }

    /// Returns a builder for another process, whose token requests go to `endpoint`.
    pub(crate) fn builder(&self, endpoint: TokenEndpoint) -> TokenCacheBuilder {
        TokenCache::builder(endpoint)
            .clock(self.clock)
            .policy(policy())
            .unwrap()
            .process(Process::new())
            .store(Arc::clone(&self.store))
    }

    /// Starts another process.
    pub(crate) fn start(&self, password: &str) -> TokenCache {
        self.builder(self.kit.endpoint(password)).build()
    }

    /// Starts another process with this setting of `on_store_down`.
    pub(crate) fn when_down(&self, password: &str, on_store_down: OnStoreDown) -> TokenCache {
        let builder = self.builder(self.kit.endpoint(password));
        builder.on_store_down(on_store_down).build()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.kit.issuer.counters().token_requests
    }

    pub(crate) fn account(&self) -> AccountKey {
        self.kit.endpoint("any").account()
    }

    /// Returns the record of the issuer's user.
    pub(crate) async fn record(&self) -> AccountRecord {
        self.record_of(self.account()).await
    }

    pub(crate) async fn record_of(&self, account: AccountKey) -> AccountRecord {
        let loaded = self.store.load(&account).await.unwrap();
        let read = |bytes| AccountRecord::from_bytes(account, bytes).unwrap();
        loaded.record().map(read).unwrap_or_default()
    }

    /// Changes the record as another process does.
    pub(crate) async fn change<T>(
        &self,
        account: AccountKey,
        change: impl FnOnce(&mut AccountRecord) -> T,
    ) -> T {
        let loaded = self.store.load(&account).await.unwrap();
        let mut record = self.record_of(account).await;
        let changed = change(&mut record);
        let bytes = record.to_bytes(account, random()).unwrap();
        let write = self
            .store
            .compare_and_set(&account, loaded.record(), &bytes);
        assert!(write.await.unwrap());
        changed
    }

    /// Acquires a permit as another process, which then stops.
    pub(crate) async fn begin_elsewhere(
        &self,
        account: AccountKey,
        credentials: &Credentials,
    ) -> Permit {
        let ctx = AttemptContext {
            id: AttemptId::new(random()),
            salt: random(),
            credentials,
            lease: Duration::from_secs(14),
            retry_unresolved_after: None,
            probe: None,
        };
        let (witness, now) = (Witness::default(), self.clock.now());
        self.change(account, |record| {
            match record.facts_mut().acquire(&ctx, &witness, now) {
                Acquire::Granted(permit) => permit,
                other => panic!("{other:?}"),
            }
        })
        .await
    }

    /// Makes an attempt with `outcome` as another process.
    pub(crate) async fn attempt_elsewhere(
        &self,
        account: AccountKey,
        credentials: &Credentials,
        outcome: AttemptOutcome,
    ) {
        let permit = self.begin_elsewhere(account, credentials).await;
        let now = self.clock.now();
        self.change(account, |record| {
            record.facts_mut().record_outcome(&permit, outcome, now)
        })
        .await;
    }

    /// Sends a password of this fleet's user as another process, and has it rejected.
    pub(crate) async fn rejected_elsewhere(&self, password: &str) {
        let credentials = credentials(&self.kit.user, password);
        self.attempt_elsewhere(self.account(), &credentials, REJECTED)
            .await;
    }
}

pub(crate) const REJECTED: AttemptOutcome = AttemptOutcome::Rejected { guessed: false };

pub(crate) fn random() -> [u8; 16] {
    fastrand::u128(..).to_le_bytes()
}

/// Returns the attempts that count, as a cache last saw them: rejected, unresolved.
pub(crate) fn strikes(tokens: &TokenCache) -> (usize, usize) {
    let status = tokens.status();
    (status.strikes(), status.unresolved_attempts())
}

pub(crate) fn rejection() -> Response<String> {
    Response::builder()
        .status(400)
        .body(r#"{"error":"invalid_grant"}"#.to_owned())
        .unwrap()
}

/// A server whose password can be changed, and whose responses can be lost. It responds after a second, and its
/// tokens live for a minute.
#[derive(Clone)]
pub(crate) struct Server(Arc<State>);

struct State {
    user: String,
    has_changed: AtomicBool,
    loses_responses: AtomicBool,
    loses_probes: AtomicBool,
    probes: AtomicU32,
    requests: AtomicU32,
    rejections: AtomicU32,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            user: user(),
            has_changed: AtomicBool::default(),
            loses_responses: AtomicBool::default(),
            loses_probes: AtomicBool::default(),
            probes: AtomicU32::default(),
            requests: AtomicU32::default(),
            rejections: AtomicU32::default(),
        }))
    }

    pub(crate) fn change_password(&self) {
        self.0.has_changed.store(true, Ordering::Relaxed);
    }

    /// Sets whether responses to token requests, and to probes, are lost from now on.
    pub(crate) fn lose(&self, responses: bool, probes: bool) {
        self.0.loses_responses.store(responses, Ordering::Relaxed);
        self.0.loses_probes.store(probes, Ordering::Relaxed);
    }

    /// Returns the number of probes that arrived.
    pub(crate) fn probes(&self) -> u32 {
        self.0.probes.load(Ordering::Relaxed)
    }

    /// Returns the number of token requests that arrived.
    pub(crate) fn requests(&self) -> u32 {
        self.0.requests.load(Ordering::Relaxed)
    }

    /// Returns the number of rejections that were sent and not lost.
    pub(crate) fn rejections(&self) -> u32 {
        self.0.rejections.load(Ordering::Relaxed)
    }

    pub(crate) fn credentials(&self) -> Credentials {
        credentials(&self.0.user, "password")
    }

    pub(crate) fn endpoint(&self) -> TokenEndpoint {
        self.endpoint_with("password")
    }

    pub(crate) fn endpoint_with(&self, password: &str) -> TokenEndpoint {
        let server = self.clone();
        let service = tower::service_fn(move |request: Request<TokenRequestBody>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.respond(request.method()).await) }
        });
        let credentials = credentials(&self.0.user, password);
        TokenEndpoint::with_service(environment(), credentials, service).unwrap()
    }

    async fn respond(&self, method: &Method) -> Response<String> {
        let state = &*self.0;
        if method == Method::HEAD {
            state.probes.fetch_add(1, Ordering::Relaxed);
            if state.loses_probes.load(Ordering::Relaxed) {
                pending::<()>().await;
            }
            return Response::new(String::new());
        }
        let nth = state.requests.fetch_add(1, Ordering::Relaxed);
        let response = match state.has_changed.load(Ordering::Relaxed) {
            false => grant(&format!("token-{nth}"), 60),
            true => rejection(),
        };
        if state.loses_responses.load(Ordering::Relaxed) {
            pending::<()>().await;
        }
        sleep(Duration::from_secs(1)).await;
        if response.status() != 200 {
            state.rejections.fetch_add(1, Ordering::Relaxed);
        }
        response
    }
}
