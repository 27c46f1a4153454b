//! One run: calls, changes, and what must happen once all faults have ended.

use std::{convert::Infallible, future::ready, ops::AddAssign, time::Duration};

use enkash_auth_core::Environment;
use enkash_auth_tower::{
    Accounts, EnkashAuthLayer, OnStoreDown, RefreshPolicy, ReplayPolicy, RequestView, TokenServer,
    internal::Process,
};
use fastrand::Rng;
use http::Request;
use tokio::{
    runtime::Builder,
    spawn,
    time::{sleep, timeout},
};
use tower::{Layer, ServiceExt, service_fn};

use super::{merchant::Merchant, plan::Plan, store::SharedStore, world::World};
use crate::{clock::ProcessClock, seeds::Run};

const BASE: &str = "https://issuer.example";

/// How long an operator waits before readings that began before all was well have ended.
const READINGS: Duration = Duration::from_secs(9);

/// How long the accounts have to recover: the first backoff after a 403 is 60 s to 90 s.
const PATIENCE: Duration = Duration::from_secs(100);

/// How much of the trace is shown.
const SHOWN: usize = 80;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) requests: u64,
    calls: u64,
    served: u64,
    /// The accounts that need not serve again.
    closed: u64,
}

/// What a process, an operator, the server or the database does.
#[derive(Clone, Copy, Debug)]
enum Change {
    Forget,
    ReadAgain,
    Reset,
    ResetUnresolved,
    HoldHandle,
    RevokeToken,
    SetPassword,
    SetKnownPassword,
    CorrectKnownPassword,
}

const CHANGES: [Change; 9] = [
    Change::Forget,
    Change::ReadAgain,
    Change::Reset,
    Change::ResetUnresolved,
    Change::HoldHandle,
    Change::RevokeToken,
    Change::SetPassword,
    Change::SetKnownPassword,
    Change::CorrectKnownPassword,
];

/// One process, with its number.
#[derive(Clone)]
struct Member(usize, Accounts<usize>);

/// Runs `seed`.
pub(super) fn run(seed: u64, _: bool) -> Run<Totals> {
    fastrand::seed(seed);
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let world = runtime.block_on(simulate(seed));
    drop(runtime);
    world.with(|state| {
        let log = std::mem::take(&mut state.log);
        let outcome = match state.violation.take() {
            // Another run of the seed may go another way.
            Some(violation) => {
                let about = violation.split(' ').next().unwrap();
                let is_shown = |line: &&String| {
                    line.split_whitespace().nth(1) == Some(about) && !line.contains("is called")
                };
                let shown: Vec<_> = log.iter().filter(is_shown).map(String::as_str).collect();
                let start = shown.len().saturating_sub(SHOWN);
                let shown = shown[start..].join("\n");
                Err(format!("{violation}\n{:?}\n{shown}", state.plan))
            }
            None => Ok(state.totals),
        };
        Run { outcome, log }
    })
}

async fn simulate(seed: u64) -> World {
    let mut rng = Rng::with_seed(seed);
    let plan = Plan::draw(&mut rng);
    let world = World::new(plan.clone(), rng);
    let members: Vec<_> = (0..plan.processes)
        .map(|number| Member(number, accounts(&world, &plan, number)))
        .collect();
    for member in &members {
        for id in 0..plan.merchants {
            spawn(call_often(world.clone(), member.clone(), id));
        }
        spawn(change_often(world.clone(), member.clone()));
    }
    sleep(plan.well_at).await;
    world.with(|state| {
        state.is_well = true;
        state.note(format_args!("all is well"));
        for merchant in &mut state.merchants {
            merchant.known = merchant.password;
        }
    });
    sleep(READINGS).await;
    for Member(_, accounts) in &members {
        for id in 0..plan.merchants {
            if world.with(|state| !state.merchants[id].mistaken.is_empty()) {
                accounts.forget(&id);
            }
        }
    }
    sleep(PATIENCE).await;
    for number in 0..plan.processes {
        for id in 0..plan.merchants {
            world.with(|state| {
                let is_served = state.served.contains(&(number, id));
                if !is_served && !state.merchants[id].may_be_closed() {
                    state.violated(format_args!(
                        "{id}: process {number} does not serve it again"
                    ));
                }
                state.totals.closed += u64::from(!is_served);
            });
        }
    }
    world
}

fn accounts(world: &World, plan: &Plan, number: usize) -> Accounts<usize> {
    let server = world.clone();
    let server = service_fn(move |request| server.clone().request_token(number, request));
    let environment = Environment::custom(BASE).unwrap();
    let database = world.clone();
    let source = move |id| {
        let database = database.clone();
        async move { database.read(number, id).await }
    };
    let mut policy = RefreshPolicy::default();
    policy.keep_warm = plan.keep_warm;
    // Any other value is an exception that a user chooses.
    policy.retry_unresolved_after = None;
    let server = TokenServer::with_service(environment, server).unwrap();
    let accounts = Accounts::builder(server, source)
        .clock(ProcessClock::start(0, 0))
        .process(Process::new())
        // Any other makes exceptions.
        .on_store_down(OnStoreDown::Hold)
        .policy(policy)
        .unwrap()
        .capacity(plan.capacity)
        .idle_timeout(plan.idle_timeout)
        .max_token_requests(plan.max_requests);
    match plan.has_store {
        true => accounts.store(SharedStore(world.clone())).build(),
        false => accounts.build(),
    }
}

/// Calls the API for `id` from time to time.
async fn call_often(world: World, member: Member, id: usize) {
    loop {
        let (pause, callers) = world.with(|state| {
            let every = match state.is_well {
                true => PATIENCE.as_millis() as u64 / 30,
                false => state.plan.calls_every,
            };
            let callers = if state.rng.u8(..50) == 0 { 50 } else { 1 };
            (state.rng.u64(1..=2 * every), callers)
        });
        sleep(Duration::from_millis(pause)).await;
        for _ in 0..callers {
            spawn(call(world.clone(), member.clone(), id));
        }
    }
}

async fn call(world: World, Member(number, accounts): Member, id: usize) {
    let patience = world.with(|state| match !state.is_well && state.rng.u8(..8) == 0 {
        true => state.rng.u64(1..1_000),
        false => 20_000,
    });
    let api = world.clone();
    let api = service_fn(move |request| ready(Ok::<_, Infallible>(api.call(&request))));
    let client = EnkashAuthLayer::per_account(accounts.clone(), by_path)
        .replay(ReplayPolicy::default())
        .layer(api);
    let request = Request::get(format!("{BASE}/{id}")).body(String::new());
    let response = timeout(
        Duration::from_millis(patience),
        client.oneshot(request.unwrap()),
    );
    let result = match response.await {
        Ok(Ok(response)) => response.status().to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no patience".to_owned(),
    };
    world.with(|state| {
        state.note(format_args!("{id}: process {number} is called: {result}"));
        state.totals.calls += 1;
        if result.starts_with("200") {
            state.totals.served += 1;
            if state.is_well {
                state.served.insert((number, id));
            }
        }
        if accounts.len() > state.plan.capacity {
            state.violated(format_args!("process {number} exceeds its capacity"));
        }
    });
}

fn by_path(request: &mut RequestView<'_>) -> Option<usize> {
    request.path().get(1..)?.parse().ok()
}

/// Makes a change from time to time, until all is well.
async fn change_often(world: World, member: Member) {
    loop {
        let pause = world.with(|state| state.rng.u64(1..=2 * state.plan.changes_every));
        sleep(Duration::from_millis(pause)).await;
        if world.with(|state| state.is_well) {
            return;
        }
        spawn(change(world.clone(), member.clone()));
    }
}

async fn change(world: World, Member(number, accounts): Member) {
    let (id, change, millis) = world.with(|state| {
        let id = state.rng.usize(..state.merchants.len());
        let change = CHANGES[state.rng.usize(..CHANGES.len())];
        state.note(format_args!("{id}: process {number}: {change:?}"));
        (id, change, state.rng.u64(1..20_000))
    });
    let merchant = |change: fn(&mut Merchant)| world.with(|state| change(&mut state.merchants[id]));
    match change {
        Change::Forget => accounts.forget(&id),
        Change::ReadAgain => drop(accounts.credentials_changed(&id).await),
        Change::Reset => {
            merchant(Merchant::unlock);
            if let Ok(tokens) = accounts.get(&id) {
                let _ = tokens.reset().await;
            }
            merchant(Merchant::unlock);
        }
        Change::ResetUnresolved => {
            let unlock_all = || {
                world.with(|state| {
                    state
                        .merchants
                        .iter_mut()
                        .for_each(|merchant| merchant.unlock());
                });
            };
            unlock_all();
            let _ = accounts.reset_unresolved().await;
            unlock_all();
        }
        Change::HoldHandle => {
            let tokens = accounts.get(&id);
            sleep(Duration::from_millis(millis)).await;
            drop(tokens);
        }
        Change::RevokeToken => merchant(|it| it.newest = None),
        Change::SetPassword => merchant(|it| it.password = it.next()),
        Change::SetKnownPassword => merchant(|it| it.known = it.next()),
        Change::CorrectKnownPassword => merchant(|it| it.known = it.password),
    }
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.requests += other.requests;
        self.calls += other.calls;
        self.served += other.served;
        self.closed += other.closed;
    }
}
