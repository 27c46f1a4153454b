use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use dashmap::DashMap;
use enkash_auth_tower::{Accounts, EnkashAuthLayer, RequestView};
use http::{HeaderValue, header::AUTHORIZATION};
use moka::sync::Cache;
use tokio::runtime::Builder;
use tower::{Layer, Service};

use super::{builder, server, warm};
use crate::{
    hot::{Bare, Factory, cloned, kept},
    request::{Call, request, token},
};

/// Selects the account of a request.
#[derive(Clone, Copy, Debug)]
struct Merchant(u64);

/// Returns requests of random ones of so many accounts.
pub fn calls(accounts: u64, number: usize) -> Vec<Call> {
    let call = |_| {
        let mut request = request();
        let merchant = Merchant(fastrand::u64(..accounts));
        request.extensions_mut().insert(merchant);
        request
    };
    (0..number).map(call).collect()
}

/// Returns the ways to attach the token of the account of a request, one of so many, each with its name: the bare
/// service first. Use them inside a runtime.
pub fn ways(accounts: u64) -> Vec<(&'static str, Factory)> {
    let all = warmed(accounts);
    let select = |request: &mut RequestView<'_>| request.extension::<Merchant>().map(|id| id.0);
    let layered = EnkashAuthLayer::per_account(all.clone(), select).layer(Bare);
    let also = std::sync::Arc::new(layered.clone());
    let headers = (0..accounts).map(|id| (id, header()));
    let dashed: DashMap<_, _> = headers
        .clone()
        .map(|(id, header)| (id, (header, end())))
        .collect();
    let dashed = std::sync::Arc::new(dashed);
    let cache = Cache::builder()
        .max_capacity(accounts)
        .time_to_live(Duration::from_secs(3600))
        .build();
    for (id, header) in headers {
        cache.insert(id, header);
    }
    vec![
        ("bare", Box::new(|| kept(Bare))),
        ("per_account", Box::new(move || kept(layered.clone()))),
        (
            "per_account_cloned",
            Box::new(move || cloned(std::sync::Arc::clone(&also))),
        ),
        (
            "get_token",
            attaching(move |id| {
                let tokens = all.get(&id).ok()?;
                let cx = &mut Context::from_waker(Waker::noop());
                match pin!(tokens.token()).poll(cx) {
                    Poll::Ready(Ok(token)) => Some(token.header().clone()),
                    _ => None,
                }
            }),
        ),
        ("moka", attaching(move |id| cache.get(&id))),
        (
            "dashmap",
            attaching(move |id| {
                let cached = dashed.get(&id)?;
                let (header, end) = cached.value();
                (now() < *end).then(|| header.clone())
            }),
        ),
    ]
}

/// Attaches the header that `find` finds for the account of a request.
#[derive(Clone)]
struct Attach<F> {
    find: F,
}

impl<F> Service<Call> for Attach<F>
where
    F: Fn(u64) -> Option<HeaderValue>,
{
    type Response = <Bare as Service<Call>>::Response;
    type Error = <Bare as Service<Call>>::Error;
    type Future = <Bare as Service<Call>>::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    #[expect(clippy::expect_used, reason = "all are cached")]
    fn call(&mut self, mut request: Call) -> Self::Future {
        let id = request.extensions().get::<Merchant>().map(|id| id.0);
        let header = id.and_then(&self.find).expect("a token");
        request.headers_mut().insert(AUTHORIZATION, header);
        Bare.call(request)
    }
}

fn attaching<F>(find: F) -> Factory
where
    F: Fn(u64) -> Option<HeaderValue> + Clone + Send + Sync + 'static,
{
    Box::new(move || kept(Attach { find: find.clone() }))
}

#[expect(clippy::expect_used, reason = "a runtime of one thread needs nothing")]
fn warmed(accounts: u64) -> Accounts<u64> {
    let all = builder(server(&token(0)), accounts).build();
    // Elsewhere: the caller may be inside a runtime.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let runtime = Builder::new_current_thread().enable_time().build();
            runtime.expect("a runtime").block_on(warm(&all, accounts));
        });
    });
    all
}

#[expect(clippy::expect_used, reason = "a constant, known to be good")]
fn header() -> HeaderValue {
    let header = HeaderValue::try_from(format!("Bearer {}", token(0)));
    let mut header = header.expect("a token of digits");
    header.set_sensitive(true);
    header
}

fn end() -> Instant {
    now() + Duration::from_secs(3600)
}

#[expect(clippy::disallowed_methods, reason = "as written by hand")]
fn now() -> Instant {
    Instant::now()
}
