//! Many accounts of one server: each as if it were alone.

mod bounds;
mod calls;
mod failing;
mod forgotten;
#[cfg(feature = "metrics")]
mod metrics;
mod refreshed;
mod reused;
mod runtimes;
mod source;

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use enkash_auth_core::Credentials;
use enkash_auth_tower::{
    Accounts, AccountsBuilder, BoxError, TokenRequestBody, TokenServer, internal,
};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::time::sleep;

use crate::support::{TokioClock, credentials, environment, grant, status, user};

/// How long the server takes for a response.
const RESPONSE: Duration = Duration::from_millis(20);

/// A token server and a database, in memory. Each account has a right password, and may have another in the
/// database.
#[derive(Clone, Default)]
struct World(Arc<Mutex<State>>);

struct State {
    /// Makes the users those of no other test: the account records belong to the process.
    domain: String,
    lifetime: u64,
    /// The passwords that are not "password".
    passwords: HashMap<u32, &'static str>,
    /// Those of the database.
    known: HashMap<u32, &'static str>,
    /// The token requests by user.
    requests: HashMap<String, u32>,
    /// How often the database was asked.
    reads: u32,
    in_flight: usize,
    most_in_flight: usize,
    is_database_down: bool,
    is_server_down: bool,
    /// Whether its responses are empty: nothing says whether they counted.
    is_server_mute: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            domain: user(),
            lifetime: 300,
            passwords: HashMap::new(),
            known: HashMap::new(),
            requests: HashMap::new(),
            reads: 0,
            in_flight: 0,
            most_in_flight: 0,
            is_database_down: false,
            is_server_down: false,
            is_server_mute: false,
        }
    }
}

impl World {
    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }

    fn server(&self) -> TokenServer {
        let world = self.clone();
        let service = tower::service_fn(move |request: Request<TokenRequestBody>| {
            let world = world.clone();
            async move { Ok::<_, Infallible>(world.respond(request).await) }
        });
        TokenServer::with_service(environment(), service).unwrap()
    }

    async fn respond(&self, request: Request<TokenRequestBody>) -> Response<String> {
        if request.method() == "HEAD" {
            return status(401);
        }
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let form: HashMap<_, _> = body
            .split(|byte| *byte == b'&')
            .map(|pair| std::str::from_utf8(pair).unwrap())
            .map(|pair| pair.split_once('=').unwrap())
            .map(|(name, value)| (name.to_owned(), value.replace("%40", "@")))
            .collect();
        let field = |name| form.get(name).cloned().unwrap();
        let (user, password): (String, _) = (field("username"), field("password"));
        let (nth, right, lifetime, is_down, is_mute) = self.with(|state| {
            state.in_flight += 1;
            state.most_in_flight = state.most_in_flight.max(state.in_flight);
            let requests = state.requests.entry(user.clone()).or_default();
            *requests += 1;
            let id: u32 = user.split('-').next().unwrap().parse().unwrap();
            let right = state.passwords.get(&id).copied().unwrap_or("password");
            (
                *requests,
                right,
                state.lifetime,
                state.is_server_down,
                state.is_server_mute,
            )
        });
        sleep(RESPONSE).await;
        self.with(|state| state.in_flight -= 1);
        if is_down {
            return status(503);
        }
        if is_mute {
            return status(200);
        }
        match password == right {
            true => grant(&format!("{user}-token-{nth}"), lifetime),
            false => status(401),
        }
    }

    async fn read(&self, id: u32) -> Result<Credentials, BoxError> {
        let password = self.with(|state| {
            state.reads += 1;
            let known = state.known.get(&id).copied();
            (!state.is_database_down).then(|| known.unwrap_or("password"))
        });
        Ok(self.account(id, password.ok_or("the database is down")?))
    }

    fn builder(&self) -> AccountsBuilder<u32> {
        let world = self.clone();
        let source = move |id| {
            let world = world.clone();
            async move { world.read(id).await }
        };
        Accounts::builder(self.server(), source)
            .clock(TokioClock::new())
            .process(internal::Process::new())
    }

    fn accounts(&self) -> Accounts<u32> {
        self.builder().build()
    }

    fn requests(&self) -> u32 {
        self.with(|state| state.requests.values().sum())
    }

    fn requests_of(&self, id: u32) -> u32 {
        let user = self.user(id);
        self.with(|state| state.requests.get(&user).copied().unwrap_or_default())
    }

    fn user(&self, id: u32) -> String {
        self.with(|state| format!("{id}-{}", state.domain))
    }

    fn account(&self, id: u32, password: &str) -> Credentials {
        credentials(&self.user(id), password)
    }
}
