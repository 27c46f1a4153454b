//! Six replicas as processes over one Redis: one token, also while Redis is gone.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin fleet
//! ```
//!
//! It starts a server that behaves like EnKash's, whose tokens live for 6 s, a `redis-server`, which must
//! be installed, and six replicas of itself, each with a cache of its own. After 11 s it kills Redis:
//! from then on each replica fetches for itself. It takes some 21 s, and prints the token requests as the
//! server counted them. A call that fails ends the program.

use std::{
    env,
    io::{self, Write},
    time::Duration,
};

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_redis::RedisStore;
use enkash_auth_sandbox::{Issuer, Issuing, Rules, Sandbox};
use enkash_auth_tower::{BoxError, EnkashAuthLayer, TokenCache, TokenEndpoint};
use reqwest::redirect;
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
    task::JoinSet,
    time::sleep,
};
use tower::{Layer, ServiceExt};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    if let [_, base, redis] = &env::args().collect::<Vec<_>>()[..] {
        return replica(base, redis).await;
    }
    let rules = Rules::new()
        .lifetime(Duration::from_secs(6))
        .issuing(Issuing::Rotating);
    let issuer = Issuer::builder().rules(rules).build();
    let sandbox = Sandbox::builder().issuer(issuer.clone()).start().await?;
    let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let mut redis = Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--logfile", "/dev/null"])
        .args(["--save", "", "--port", &free.port().to_string()])
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("redis-server: {error}"))?;
    while TcpStream::connect(free).await.is_err() {
        sleep(Duration::from_millis(10)).await;
    }

    let mut replicas = JoinSet::new();
    for _ in 0..6 {
        let mut replica = Command::new(env::current_exe()?);
        replica.args([sandbox.base_url(), format!("redis://{free}")]);
        replicas.spawn(replica.kill_on_drop(true).status());
    }
    sleep(Duration::from_secs(11)).await;
    let shared = issuer.counters().token_requests;
    redis.kill().await?;
    while let Some(replica) = replicas.join_next().await {
        let is_well = replica??.success();
        is_well.then_some(()).ok_or("a replica failed a call")?;
    }
    let alone = issuer.counters().token_requests - shared;
    writeln!(
        io::stdout(),
        "2400 calls, none failed, token requests: {shared}, without Redis: {alone}"
    )?;
    Ok(())
}

/// Makes 400 calls through a cache over the store at `redis`.
async fn replica(base: &str, redis: &str) -> Result<(), BoxError> {
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let endpoint = TokenEndpoint::new(Environment::custom(base)?, credentials)?;
    let tokens = TokenCache::builder(endpoint).store(RedisStore::new(redis)?);
    let client = reqwest::Client::builder().redirect(redirect::Policy::none());
    let client = client.no_proxy().build()?;
    let api = EnkashAuthLayer::new(tokens.build()).layer(client.clone());
    for _ in 0..400 {
        let request = client.get(format!("{base}/api/v0/cards")).build()?;
        api.clone().oneshot(request).await?.error_for_status()?;
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
