//! A replica: one process after another, each on a runtime that can be stopped, and dropped.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{
    BoxError, EnkashAuth, EnkashAuthLayer, RefreshPolicy, ReplayPolicy, TokenCache, TokenEndpoint,
    internal,
};
use http::{Request, Response};
use tokio::{
    runtime::{Builder, Runtime},
    time::{advance, sleep, sleep_until, timeout},
};
use tower::{Layer, Service, ServiceExt};

use crate::{
    clock::{Millis, ProcessClock},
    path::{ApiPath, TokenPath},
    server::OLD,
    store::RemoteStore,
    world::{Caller, Shared},
};

const BASE: &str = "https://issuer.example";

/// How many paths of the API are called.
const PATHS: u8 = 16;

pub(crate) struct Process {
    runtime: Runtime,
    client: EnkashAuth<ApiPath, ReplayPolicy>,
    tokens: TokenCache,
    world: Shared,
    pub(crate) caller: Caller,
    pub(crate) is_stopped: bool,
    /// How far it was driven.
    at: Millis,
}

impl Process {
    /// Makes the library draw its per-process random values, so that no run does.
    pub(crate) fn draw_once() {
        let service = tower::service_fn(|_| async { Err::<Response<String>, BoxError>("".into()) });
        let environment = Environment::custom(BASE).unwrap();
        let endpoint = TokenEndpoint::with_service(environment, credentials(OLD), service);
        drop(TokenCache::new(endpoint.unwrap()));
    }

    pub(crate) fn start(world: &Shared, replica: usize, password: u32) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let (at, plan, process) = {
            let mut world = world.lock();
            let at = world.now;
            (at, world.plan.clone(), world.history.started(replica, at))
        };
        let clock = {
            let _entered = runtime.enter();
            ProcessClock::start(at, plan.replicas[replica].skew)
        };
        let caller = Caller {
            replica,
            process,
            clock,
        };
        let path = TokenPath {
            world: world.clone(),
            caller,
        };
        let environment = Environment::custom(BASE).unwrap();
        let endpoint = TokenEndpoint::with_service(environment, credentials(password), path);
        let mut policy = RefreshPolicy::default();
        policy.keep_warm = plan.keep_warm;
        // Any other value is an exception that a user chooses.
        policy.retry_unresolved_after = None;
        let tokens = TokenCache::builder(endpoint.unwrap())
            .clock(clock)
            .policy(policy)
            .unwrap()
            .store(RemoteStore::new(world, caller))
            .process(internal::Process::new())
            .on_store_down(plan.on_store_down)
            .build();
        let api = ApiPath {
            world: world.clone(),
            caller,
        };
        let layer = EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default());
        Self {
            client: layer.layer(api),
            runtime,
            tokens,
            world: world.clone(),
            caller,
            is_stopped: false,
            at,
        }
    }

    /// Runs up to `at`, until an event is due before, or until the replica is interrupted.
    pub(crate) fn run(&mut self, at: Millis) {
        let (clock, world) = (self.caller.clock, &self.world);
        self.at = self.runtime.block_on(async {
            let mut sleep = pin!(sleep_until(clock.instant(at)));
            poll_fn(|cx| {
                let mut world = world.lock();
                if world.interrupted.is_some() || world.next_at().is_some_and(|next| next < at) {
                    return Poll::Ready(());
                }
                world.drive(cx.waker());
                drop(world);
                sleep.as_mut().poll(cx)
            })
            .await;
            clock.time()
        });
    }

    /// Drops all that it has in flight, at its own time.
    pub(crate) fn kill(self) {
        let Self {
            runtime,
            client,
            tokens,
            ..
        } = self;
        let entered = runtime.enter();
        // Dropping the last handle reads the clock, too.
        drop((client, tokens));
        drop(entered);
        drop(runtime);
    }

    /// How far it was driven.
    pub(crate) fn at(&self) -> Millis {
        self.at
    }

    /// Resumes a stopped process.
    pub(crate) fn resume(&mut self, at: Millis) {
        let passed = Duration::from_millis(at - self.at);
        self.runtime.block_on(advance(passed));
        (self.at, self.is_stopped) = (at, false);
        self.world.lock().history.resumed(self.caller.process, at);
    }

    /// Calls the API, and waits for `patience`.
    pub(crate) fn call(&self, patience: Duration) {
        let (mut client, world, caller) = (self.client.clone(), self.world.clone(), self.caller);
        // One that rejects two tokens in a row is ignored for 5 minutes: an endpoint may respond 401 for reasons of
        // its own.
        let path = world.lock().rng.u8(..PATHS);
        let request = Request::get(format!("{BASE}/api/{path}")).body(String::new());
        self.runtime.spawn(async move {
            let call = async { client.ready().await?.call(request.unwrap()).await };
            let result = match timeout(patience, call).await {
                Ok(Ok(response)) => Ok(response.status().as_u16()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("no patience".into()),
            };
            world.lock().called(caller, &result);
        });
    }

    pub(crate) fn set_password(&self, password: u32) {
        let _entered = self.runtime.enter();
        self.tokens.set_credentials(credentials(password)).unwrap();
    }

    /// Resets the account as an operator, until that succeeds.
    pub(crate) fn reset(&self, number: usize, allows_rejected: bool) {
        let (tokens, world, caller) = (self.tokens.clone(), self.world.clone(), self.caller);
        self.runtime.spawn(async move {
            loop {
                let at = caller.clock.time();
                world.lock().history.reset_tried(number, at);
                let done = match allows_rejected {
                    true => tokens.allow_rejected().await,
                    false => tokens.reset().await,
                };
                if done.is_ok() {
                    break;
                }
                sleep(Duration::from_millis(100)).await;
            }
            let at = caller.clock.time();
            world.lock().history.reset_ended(number, at);
            world
                .lock()
                .note(at, format_args!("r{} is reset", caller.replica));
        });
    }
}

fn credentials(password: u32) -> Credentials {
    Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", format!("password-{password}")),
    )
}
