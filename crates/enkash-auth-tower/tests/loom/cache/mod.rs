//! Models of `cache`, run in every order of their threads.

mod claims;
mod header;
mod mark;
mod places;
mod refresher;
mod unauthorized;
mod waiting;

use std::future::ready;

use bytes::Bytes;
use enkash_auth_core::{
    Bearer, Environment, ManualClock,
    lifetime::{Exchange, Expiry},
};
use http::{HeaderMap, Request, Response};
use http_body_util::Full;

use super::*;
use crate::{
    BoxError, TokenRequestBody,
    attempts::Process,
    cache::{HeaderCopy, HeaderSlot, Settings, TokenFuture},
    store::MemoryStore,
};

const LIFETIME: Duration = Duration::from_secs(300);

fn credentials(key: &str) -> Credentials {
    Credentials::merchant(key, "secret")
}

/// Returns a cache whose fetches are completed by hand.
fn cache() -> Arc<Shared> {
    cache_at(&ManualClock::new(), RefreshPolicy::default())
}

fn cache_at(clock: &ManualClock, policy: RefreshPolicy) -> Arc<Shared> {
    let unreachable =
        |_: Request<TokenRequestBody>| ready(Err::<Response<Full<Bytes>>, _>(BoxError::from("")));
    let (environment, service) = (Environment::Test, tower::service_fn(unreachable));
    let endpoint = TokenEndpoint::with_service(environment, credentials("key"), service).unwrap();
    let settings = Settings {
        policy,
        clock: Time::Other(Arc::new(clock.clone())),
        store: Some(Arc::new(MemoryStore::new())),
        process: Process::new(),
        ..Settings::default()
    };
    let common = Common::new(endpoint.server().clone(), settings);
    Shared::new(Arc::new(common), Some(endpoint), None)
}

/// Returns a cache that holds its first token.
fn warm() -> Arc<Shared> {
    warm_at(&ManualClock::new())
}

fn warm_at(clock: &ManualClock) -> Arc<Shared> {
    let shared = cache_at(clock, RefreshPolicy::default());
    let pending = begin_fetch(&shared);
    complete_fetch(&shared, pending, "first");
    shared
}

/// Begins a fetch, without a task.
fn begin_fetch(shared: &Shared) -> PendingFetch {
    let (now, policy) = (shared.clock().now(), shared.policy().state_policy());
    let (_, spawn, _) = shared.inner.lock().lookup(now, Ok(()), &policy);
    spawn.unwrap()
}

fn granted(now: Timestamp, token: &str) -> FetchOutcome<Error> {
    let lifetime = Exchange::new(now, None).lifetime(&[Expiry::In(LIFETIME)]);
    FetchOutcome::Granted(Bearer::new(token).unwrap(), lifetime)
}

/// Completes `pending` with `token`, and returns whether that counted.
fn complete_fetch(shared: &Shared, pending: PendingFetch, token: &str) -> bool {
    let granted = granted(shared.clock().now(), token);
    shared.complete(pending, granted, None).is_some()
}

/// Returns the generation of the published token: after a rejection, calls with it are watched for a time, and a handle
/// attaches none by itself.
fn served(shared: &Shared) -> Option<u64> {
    let current = shared.snapshot.load();
    Some(current.as_deref()?.view().token().generation())
}

/// Returns the generation that a request of `handle` gets without a lookup.
fn attach(handle: &mut HeaderCopy, shared: &Shared) -> Option<u64> {
    let slot = HeaderSlot::new(true, shared.clock());
    let attached = handle.attach(&mut HeaderMap::new(), &slot, shared)?;
    Some(attached.generation())
}
