//! What all processes share, and the rules.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use enkash_auth_core::{AccountKey, Client, Credentials, User};
use enkash_auth_tower::{BoxError, NotSent, TokenRequestBody};
use fastrand::Rng;
use futures_util::FutureExt;
use http::{Method, Request, Response, header::AUTHORIZATION};
use http_body_util::BodyExt;
use tokio::time::{Instant, sleep};

use super::{merchant::Merchant, plan::Plan, run::Totals};

/// The failures in a row that lock an account.
const LOCKS_AT: u32 = 3;

#[derive(Clone)]
pub(super) struct World(Arc<Mutex<State>>);

pub(super) struct State {
    started: Instant,
    pub(super) rng: Rng,
    pub(super) plan: Plan,
    /// Whether all faults have ended.
    pub(super) is_well: bool,
    pub(super) merchants: Vec<Merchant>,
    pub(super) records: HashMap<AccountKey, Vec<u8>>,
    /// The merchant and the expiry of each token, by its number.
    tokens: Vec<(usize, Instant)>,
    /// The token requests whose responses are waited for, by their numbers.
    waiting: BTreeMap<u64, TokenRequest>,
    /// The processes and merchants that have served since all is well.
    pub(super) served: BTreeSet<(usize, usize)>,
    pub(super) violation: Option<String>,
    pub(super) totals: Totals,
    pub(super) log: Vec<String>,
}

struct TokenRequest {
    sent: Instant,
    process: usize,
    id: usize,
    password: u32,
    /// Whether its process has read other credentials since: it may send those, and not wait.
    is_replaced: bool,
}

/// A token request whose response is waited for.
struct Waiting(World, u64);

#[derive(Debug)]
enum Fault {
    NotSent,
    Lost,
    LostReply,
}

enum Meaning {
    Granted,
    Rejected,
    Unclear,
    Uncounted,
}

impl World {
    pub(super) fn new(plan: Plan, rng: Rng) -> Self {
        let merchants = (0..plan.merchants).map(|_| Merchant::new()).collect();
        Self(Arc::new(Mutex::new(State {
            started: Instant::now(),
            rng,
            plan,
            is_well: false,
            merchants,
            records: HashMap::new(),
            tokens: Vec::new(),
            waiting: BTreeMap::new(),
            served: BTreeSet::new(),
            violation: None,
            totals: Totals::default(),
            log: Vec::new(),
        })))
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    /// Waits for up to so many milliseconds, and now and then for longer.
    pub(super) async fn wait(&self, millis: u64) {
        let millis = self.with(|state| {
            let is_slow = state.chance(state.plan.slow / 4);
            let most = if is_slow { 100 * millis } else { millis };
            state.rng.u64(1..=most)
        });
        sleep(Duration::from_millis(millis)).await;
    }

    /// Reads the credentials of `id` from the database, for `process`.
    pub(super) async fn read(&self, process: usize, id: usize) -> Result<Credentials, BoxError> {
        let fault = self.with(|state| {
            let fails = state.chance(state.plan.source_loss);
            fails.then(|| state.rng.u8(..8))
        });
        self.wait(40).await;
        match fault {
            Some(0) => std::future::pending().await,
            Some(1) => std::panic::resume_unwind(Box::new("the source panics")),
            Some(2..=5) => return Err("the database is down".into()),
            _ => {}
        }
        let (owner, password) = self.with(|state| {
            let mut owner = id;
            if fault.is_some() {
                owner = state.rng.usize(..state.merchants.len());
                state.merchants[id].mistaken.insert(owner);
            }
            let password = state.merchants[owner].known;
            for request in state.waiting.values_mut() {
                let mistaken = &state.merchants[id].mistaken;
                let may_be_own = request.id == id || mistaken.contains(&request.id);
                let is_other = (request.id, request.password) != (owner, password);
                request.is_replaced |= request.process == process && may_be_own && is_other;
            }
            state.note(format_args!(
                "{id}: read: merchant {owner}, password {password}"
            ));
            (owner, password)
        });
        Ok(Credentials::password(
            Client::new("client-id", "client-secret"),
            User::new(format!("merchant-{owner}"), format!("password-{password}")),
        ))
    }

    /// Sends a token request of `process`.
    pub(super) async fn request_token(
        self,
        process: usize,
        request: Request<TokenRequestBody>,
    ) -> Result<Response<String>, BoxError> {
        if request.method() == Method::HEAD {
            return Ok(response(401, String::new()));
        }
        let body = request.into_body().collect().now_or_never().unwrap();
        let body = body.unwrap_or_else(|error| match error {}).to_bytes();
        let body = str::from_utf8(&body).unwrap();
        let number = |prefix: &str| -> u32 {
            let (_, number) = body.split_once(prefix).unwrap();
            let number = number.split('&').next().unwrap();
            number.parse().unwrap()
        };
        let (id, password) = (
            number("username=merchant-") as usize,
            number("password=password-"),
        );
        let (waiting, fault) = self.send(process, id, password);
        match fault {
            Some(Fault::NotSent) => {
                self.with(|state| state.merchants[id].lost -= 1);
                return Err(NotSent::new("no connection").into());
            }
            Some(Fault::Lost) => std::future::pending::<()>().await,
            Some(Fault::LostReply) | None => {}
        }
        self.wait(80).await;
        let (meaning, response) = self.with(|state| state.respond(id, password));
        if fault.is_some() {
            std::future::pending::<()>().await;
        }
        self.wait(80).await;
        self.with(|state| {
            let merchant = &mut state.merchants[id];
            let request = &state.waiting[&waiting.1];
            merchant.lost -= 1;
            match meaning {
                // Of a process that sends other credentials by now, a success says nothing of others.
                Meaning::Granted if request.is_replaced => {}
                Meaning::Granted => merchant.counted.retain(|read| *read >= request.sent),
                Meaning::Rejected => {
                    merchant.counted.push(Instant::now());
                    merchant.rejected[process].insert(password);
                }
                Meaning::Unclear => {
                    merchant.counted.push(Instant::now());
                    merchant.guessed.insert(password);
                }
                Meaning::Uncounted => {}
            }
            state.note(format_args!(
                "{id}: process {process} reads {}",
                response.status()
            ));
        });
        drop(waiting);
        Ok(response)
    }

    fn send(&self, process: usize, id: usize, password: u32) -> (Waiting, Option<Fault>) {
        self.with(|state| {
            state.note(format_args!(
                "{id}: process {process} sends password {password}"
            ));
            state.totals.requests += 1;
            let number = state.totals.requests;
            if state.merchants[id].rejected[process].contains(&password) {
                state.violated(format_args!("{id}: password {password} was rejected"));
            }
            let request = TokenRequest {
                sent: Instant::now(),
                process,
                id,
                password,
                is_replaced: false,
            };
            state.waiting.insert(number, request);
            state.merchants[id].lost += 1;
            let current = state.waiting.values().filter(|it| !it.is_replaced);
            let of_account = current.clone().filter(|it| it.id == id).count();
            let of_process = current.filter(|it| it.process == process).count();
            if of_account > 1 {
                state.violated(format_args!("{id}: a second request is in flight"));
            }
            if of_process > state.plan.max_requests {
                state.violated(format_args!("{id}: process {process} exceeds its limit"));
            }
            let is_lost = state.chance(state.plan.server_loss);
            let fault = is_lost.then(|| match state.rng.u8(..4) {
                0 => Fault::Lost,
                1 => Fault::LostReply,
                _ => Fault::NotSent,
            });
            state.note(format_args!("{id}: fault: {fault:?}"));
            (Waiting(self.clone(), number), fault)
        })
    }

    /// Calls the API for the merchant in the path.
    pub(super) fn call(&self, request: &Request<String>) -> Response<String> {
        let id: usize = request.uri().path().trim_matches('/').parse().unwrap();
        let token = request.headers()[AUTHORIZATION].to_str().unwrap();
        let token: usize = token
            .strip_prefix("Bearer token-")
            .unwrap()
            .parse()
            .unwrap();
        self.with(|state| {
            let (owner, expiry) = state.tokens[token];
            if owner != id && !state.merchants[id].mistaken.contains(&owner) {
                state.violated(format_args!("{id}: called with the token of {owner}"));
            }
            if expiry <= Instant::now() {
                state.violated(format_args!("{id}: called with an expired token"));
            }
            let is_accepted = state.merchants[owner].newest == Some(token);
            response(if is_accepted { 200 } else { 401 }, String::new())
        })
    }
}

impl State {
    pub(super) fn chance(&mut self, per_mille: u32) -> bool {
        !self.is_well && self.rng.u32(..1_000) < per_mille
    }

    pub(super) fn note(&mut self, text: fmt::Arguments<'_>) {
        let at = self.started.elapsed().as_millis();
        self.log.push(format!("{at:>7} {text}"));
    }

    pub(super) fn violated(&mut self, text: fmt::Arguments<'_>) {
        self.note(text);
        self.violation.get_or_insert_with(|| text.to_string());
    }

    fn respond(&mut self, id: usize, password: u32) -> (Meaning, Response<String>) {
        let Plan {
            odd,
            unclear,
            lifetime,
            is_reusing,
            ..
        } = self.plan;
        if self.chance(odd) {
            let (status, body) = [
                (503, "<html>maintenance</html>"),
                (403, "<html>blocked</html>"),
                (502, ""),
                (429, ""),
            ][self.rng.usize(..4)];
            return (Meaning::Uncounted, response(status, body.to_owned()));
        }
        let is_unclear = self.chance(unclear);
        let merchant = &mut self.merchants[id];
        if password != merchant.password {
            merchant.failures += 1;
            if merchant.failures == LOCKS_AT {
                self.violated(format_args!("{id}: the account is locked"));
            }
        } else {
            merchant.failures = 0;
        }
        if is_unclear {
            return (Meaning::Unclear, response(418, "no".to_owned()));
        }
        let merchant = &mut self.merchants[id];
        if password != merchant.password {
            let body = r#"{"error":"invalid_grant"}"#;
            return (Meaning::Rejected, response(400, body.to_owned()));
        }
        let now = Instant::now();
        let reused = merchant.newest.filter(|newest| {
            let (_, expiry) = self.tokens[*newest];
            is_reusing && expiry > now + Duration::from_secs(1)
        });
        let token = reused.unwrap_or_else(|| {
            let expiry = now + Duration::from_secs(lifetime);
            self.tokens.push((id, expiry));
            self.tokens.len() - 1
        });
        merchant.newest = Some(token);
        let left = (self.tokens[token].1 - now).as_secs();
        let body = format!(r#"{{"access_token":"token-{token}","expires_in":{left}}}"#);
        (Meaning::Granted, response(200, body))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Self(world, number) = self;
        world.with(|state| state.waiting.remove(number));
    }
}

fn response(status: u16, body: String) -> Response<String> {
    let response = Response::builder().status(status);
    response.body(body).unwrap()
}
