use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use enkash_auth_core::Clock;
use enkash_auth_sandbox::{Accounts as Known, Issuer, Issuing, Rules, SandboxService};
use enkash_auth_tower::{Accounts, Environment, TokenServer};
use tokio::{
    runtime::{Builder, Handle},
    time::{Instant, sleep_until},
};

use super::{CLIENT, builder, password, user};

/// How long a token lives: the shortest on the platform.
const LIFETIME: Duration = Duration::from_secs(300);

/// How long a response takes.
const RESPONSE: Duration = Duration::from_millis(20);

/// How often each account is used, in seconds: no divisor of the lifetime, at whose end all would be used.
const USED: u64 = 21;

/// How many lifetimes pass before those that are measured, and how many are.
const LIFETIMES: (u64, u64) = (4, 10);

/// The load on the token server, of accounts that are used all the time.
#[derive(Clone, Debug, Default)]
pub struct Load {
    /// Token requests in each second, from the first one on.
    pub seconds: Vec<u64>,
    /// Token requests of the last lifetimes, over the tokens that they obtained.
    pub requests_per_renewal: f64,
    /// The same, over accounts and lifetimes.
    pub requests_per_lifetime: f64,
    /// The most of any ten seconds, over the mean.
    pub peak: f64,
    /// The most token requests in flight.
    pub in_flight: u64,
    /// The fewest tasks at the end of a second, beside the caller: those that remain between two fetches.
    pub tasks: usize,
    /// The share of calls that waited for a token.
    pub waited: f64,
}

/// Returns the load of so many accounts, which are first used one after the other in the first lifetime. Runs in
/// paused time.
///
/// # Errors
///
/// If the runtime cannot be started.
pub fn load(accounts: u64, issuing: Issuing) -> std::io::Result<Load> {
    let runtime = Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()?;
    Ok(runtime.block_on(run(accounts, issuing)))
}

#[expect(clippy::expect_used, reason = "fixed settings, known to be good")]
async fn run(accounts: u64, issuing: Issuing) -> Load {
    let known = Known::none().client(CLIENT.0, CLIENT.1);
    let known = (0..accounts).fold(known, |known, id| known.user(user(id), password(id)));
    let rules = Rules::new()
        .lifetime(LIFETIME)
        .issuing(issuing)
        .delay(RESPONSE);
    let issuer = Issuer::builder().accounts(known).rules(rules).build();
    let environment = Environment::custom("http://127.0.0.1:1").expect("an address");
    let server = TokenServer::with_service(environment, SandboxService::new(issuer.clone()));
    let all = builder(server.expect("an address"), accounts)
        .clock(TokioClock(Instant::now()))
        .build();
    let (start, mut load) = (Instant::now(), Load::default());
    let (unmeasured, measured) = (
        LIFETIMES.0 * LIFETIME.as_secs(),
        LIFETIMES.1 * LIFETIME.as_secs(),
    );
    let (mut calls, mut waited, mut before) = (0_u64, 0_u64, issuer.counters());
    load.tasks = usize::MAX;
    for second in 0..unmeasured + measured {
        let of = issuer.counters();
        if second == unmeasured {
            (calls, waited, before) = (0, 0, of);
        }
        let used = (second % USED..accounts).step_by(USED as usize);
        for id in used.filter(|id| second >= id % LIFETIME.as_secs()) {
            calls += 1;
            waited += u64::from(!is_served(&all, id));
        }
        sleep_until(start + Duration::from_secs(second + 1)).await;
        let requests = issuer.counters().token_requests - of.token_requests;
        load.seconds.push(requests);
        let tasks = Handle::current().metrics().num_alive_tasks();
        load.tasks = load.tasks.min(tasks);
    }
    let after = issuer.counters();
    let requests = (after.token_requests - before.token_requests) as f64;
    load.requests_per_renewal = requests / (after.minted - before.minted) as f64;
    load.requests_per_lifetime = requests / (accounts * LIFETIMES.1) as f64;
    load.in_flight = after.token_requests_at_once;
    load.waited = waited as f64 / calls as f64;
    let last = load.seconds.iter().skip(unmeasured as usize).copied();
    let last: Vec<u64> = last.collect();
    let peak = last.windows(10).map(|ten| ten.iter().sum::<u64>()).max();
    load.peak = peak.unwrap_or_default() as f64 / (requests / measured as f64 * 10.0);
    load
}

/// Calls once; a call that waits goes on in a task.
fn is_served(all: &Accounts<u64>, id: u64) -> bool {
    let Ok(tokens) = all.get(&id) else {
        return false;
    };
    let cx = &mut Context::from_waker(Waker::noop());
    if let Poll::Ready(token) = pin!(tokens.token()).poll(cx) {
        return token.is_ok();
    }
    tokio::spawn(async move { tokens.token().await.is_ok() });
    false
}

/// A clock that follows tokio's.
#[derive(Clone, Copy, Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn monotonic_nanos(&self) -> u64 {
        self.0.elapsed().as_nanos() as u64
    }

    fn unix_nanos(&self) -> u64 {
        1_767_268_800_000_000_000 + self.monotonic_nanos()
    }
}
