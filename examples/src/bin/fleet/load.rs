use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::{
    task::JoinSet,
    time::{Instant, interval},
};

/// The interval between calls to one replica.
const EVERY: Duration = Duration::from_millis(50);

/// Makes `each` concurrent calls to every replica; returns the numbers of calls and failures.
pub(crate) async fn burst(replicas: Vec<SocketAddr>, each: usize) -> (u64, u64) {
    let client = client();
    let mut calls = JoinSet::new();
    for address in replicas {
        for _ in 0..each {
            calls.spawn(call(client.clone(), address));
        }
    }
    tally(calls.join_all().await)
}

/// Makes twenty calls a second to each replica, for `span`.
pub(crate) async fn steady(replicas: Vec<SocketAddr>, span: Duration) -> (u64, u64) {
    let client = client();
    let mut calls = JoinSet::new();
    let (start, mut ticks) = (Instant::now(), interval(EVERY));
    while start.elapsed() < span {
        ticks.tick().await;
        for address in &replicas {
            calls.spawn(call(client.clone(), *address));
        }
    }
    tally(calls.join_all().await)
}

async fn call(client: Client<HttpConnector, Full<Bytes>>, address: SocketAddr) -> bool {
    let request = Request::get(format!("http://{address}/api/v0/cards")).body(Full::default());
    let Ok(request) = request else { return false };
    match client.request(request).await {
        Ok(response) => response.status() == StatusCode::OK && response.collect().await.is_ok(),
        Err(_) => false,
    }
}

fn tally(served: Vec<bool>) -> (u64, u64) {
    let failed = served.iter().filter(|served| !**served).count();
    (served.len() as u64, failed as u64)
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}
