use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, NotCalled, ReplayPolicy, ResponseBody, TokenCache, TokenEndpoint,
};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::{
    task::JoinSet,
    time::{Duration, Instant, MissedTickBehavior, interval},
};
use tower::{Layer, Service, ServiceExt};

use crate::{Args, tally::Tally};

/// Makes the calls, and counts their outcomes.
pub(crate) async fn run(args: &Args, address: &str) -> Result<Tally, BoxError> {
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let endpoint = TokenEndpoint::new(Environment::custom(address)?, credentials)?;
    let layer = EnkashAuthLayer::new(TokenCache::new(endpoint)).replay(ReplayPolicy::default());
    let client = layer.layer(
        legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build_http(),
    );
    let uri = format!("{address}/api/v0/cards");

    let tally = Arc::new(Mutex::new(Tally::start()?));
    let (mut calls, end) = (JoinSet::new(), Instant::now() + args.duration());
    let mut ticks = interval(Duration::from_secs(1) / args.rate.max(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut minute = Instant::now() + Duration::from_secs(60);
    while ticks.tick().await < end {
        let (client, counted) = (client.clone(), Arc::clone(&tally));
        let request = Request::get(&uri).body(Full::<Bytes>::default())?;
        calls.spawn(async move {
            let came = call(client, request).await;
            let mut counted = counted.lock().unwrap_or_else(PoisonError::into_inner);
            counted.add(came);
        });
        while calls.try_join_next().is_some() {}
        if Instant::now() >= minute {
            minute += Duration::from_secs(60);
            tally
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .minute()?;
        }
    }
    while calls.join_next().await.is_some() {}
    drop(client);
    let tally = Arc::into_inner(tally).ok_or("a call goes on")?;
    Ok(tally.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Makes one call; returns the status, or how it failed.
async fn call<S>(client: S, request: Request<Full<Bytes>>) -> Result<u16, String>
where
    S: Service<Request<Full<Bytes>>, Response = Response<ResponseBody<Incoming>>, Error = BoxError>,
{
    let response = client.oneshot(request).await.map_err(|error| {
        let not_called = NotCalled::of(&*error);
        not_called.map_or("the call itself".to_owned(), |no| {
            no.error().kind().as_str().to_owned()
        })
    })?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await;
    body.map_err(|_| "the response body".to_owned())?;
    Ok(status)
}
