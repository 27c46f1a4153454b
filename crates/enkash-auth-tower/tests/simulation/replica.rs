//! One replica: a process after another, each on a runtime that can be stopped, and dropped.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use enkash_auth_core::{Client, Credentials, Environment, RefreshPolicy, User};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Replay, ReplayPolicy, TokenCache, TokenEndpoint,
};
use http::{Request, Response};
use tokio::{
    runtime::{Builder, Runtime},
    time::{advance, sleep_until, timeout},
};
use tower::{Layer, Service, ServiceExt};

use crate::{
    clock::{Millis, ReplicaClock},
    issuer::OLD,
    path::{ApiPath, TokenPath},
    plan::Passwords,
    store::RemoteStore,
    world::{Shared, Who},
};

pub(crate) struct Replica {
    index: usize,
    /// What it is configured with.
    pub(crate) password: u32,
    pub(crate) process: Option<Process>,
}

/// The runtime goes first: what is on ends there.
pub(crate) struct Process {
    runtime: Runtime,
    client: Replay<ApiPath>,
    tokens: TokenCache,
    base: String,
    pub(crate) who: Who,
    pub(crate) is_stopped: bool,
    /// How far it has come.
    pub(crate) at: Millis,
}

impl Replica {
    pub(crate) fn new(index: usize) -> Self {
        Self {
            index,
            password: OLD,
            process: None,
        }
    }

    /// Has the library draw what it draws for all caches of a process, of which there is but one here.
    pub(crate) fn draw_for_process() {
        let service = tower::service_fn(|_| async { Err::<Response<String>, BoxError>("".into()) });
        let environment = Environment::custom(&base()).unwrap();
        let endpoint = TokenEndpoint::with_service(environment, credentials(OLD), service);
        drop(TokenCache::new(endpoint.unwrap()));
    }

    /// Starts a process, which is the `nth` of all.
    pub(crate) fn start(&mut self, world: &Shared, nth: usize) {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (at, plan) = {
            let world = world.lock();
            (world.now, world.plan.clone())
        };
        let clock = {
            let _on = runtime.enter();
            ReplicaClock::start(at, plan.skews[self.index])
        };
        let who = Who {
            replica: self.index,
            process: nth,
            clock,
        };
        let base = base();
        let environment = Environment::custom(&base).unwrap();
        let path = TokenPath {
            world: world.clone(),
            who,
        };
        let endpoint = TokenEndpoint::with_service(environment, credentials(self.password), path);
        let endpoint = endpoint.unwrap();
        let store = RemoteStore::new(world, who, endpoint.principal());
        let mut policy = RefreshPolicy::default();
        policy.keep_warm = plan.keep_warm;
        if plan.passwords != Passwords::Right {
            // It would be a third attempt with a password that may be wrong.
            policy.retry_unresolved_after = None;
        }
        let tokens = TokenCache::builder(endpoint)
            .clock(clock)
            .policy(policy)
            .store(Arc::new(store))
            .build();
        let api = ApiPath {
            world: world.clone(),
            who,
        };
        let layer = EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default());
        self.process = Some(Process {
            client: layer.layer(api),
            runtime,
            tokens,
            base,
            who,
            is_stopped: false,
            at,
        });
    }
}

impl Process {
    /// Runs up to `at`, or until something is on the agenda before, or something befalls it.
    pub(crate) fn run(&mut self, world: &Shared, at: Millis) {
        let clock = self.who.clock;
        self.at = self.runtime.block_on(async {
            let mut sleep = pin!(sleep_until(clock.instant(at)));
            poll_fn(|cx| {
                let mut world = world.lock();
                if world.doomed.is_some() || world.next_at().is_some_and(|next| next < at) {
                    return Poll::Ready(());
                }
                world.drive(cx.waker());
                drop(world);
                sleep.as_mut().poll(cx)
            })
            .await;
            clock.virtual_now()
        });
    }

    /// It stood still, and does not know.
    pub(crate) fn resume(&mut self, at: Millis) {
        let passed = Duration::from_millis(at - self.at);
        self.runtime.block_on(advance(passed));
        (self.at, self.is_stopped) = (at, false);
    }

    /// Somebody calls the API, and waits for `patience`.
    pub(crate) fn call(&self, world: &Shared, patience: Duration) {
        let (mut client, world, who) = (self.client.clone(), world.clone(), self.who);
        let request = Request::get(format!("{}/api", self.base)).body(String::new());
        self.runtime.spawn(async move {
            let call = async { client.ready().await?.call(request.unwrap()).await };
            let result = match timeout(patience, call).await {
                Ok(Ok(response)) => Ok(response.status().as_u16()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no patience".into()),
            };
            world.lock().called(who, result);
        });
    }

    /// It is told another password.
    pub(crate) fn tell(&self, password: u32) {
        let _on = self.runtime.enter();
        self.tokens.set_credentials(credentials(password)).unwrap();
    }

    /// An operator resets the strikes.
    pub(crate) fn reset(&self) {
        let tokens = self.tokens.clone();
        self.runtime.spawn(async move {
            while tokens.reset().await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
}

/// An address of its own for every process: what the cache keeps for a whole process, it keeps by
/// account. For issuer and store all are one account.
fn base() -> String {
    static BASES: AtomicU64 = AtomicU64::new(0);
    format!(
        "https://issuer-{}.example",
        BASES.fetch_add(1, Ordering::Relaxed)
    )
}

fn credentials(password: u32) -> Credentials {
    Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", format!("password-{password}")),
    )
}
