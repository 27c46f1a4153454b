use std::{
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    time::Duration,
};

use enkash_auth_examples::RedisServer;
use enkash_auth_sandbox::{Accounts, Issuer, Issuing, Rules, Sandbox};
use enkash_auth_tower::BoxError;

const REPLICAS: usize = 6;

/// A token server, a Redis, and the replicas.
pub(crate) struct Stage {
    sandbox: Sandbox,
    pub(crate) redis: RedisServer,
    replicas: Vec<Replica>,
}

/// A process, killed on drop.
struct Replica {
    child: Child,
    address: SocketAddr,
}

impl Stage {
    pub(crate) async fn new() -> Result<Self, BoxError> {
        let redis = RedisServer::start()
            .await
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => "redis-server is not installed".into(),
                _ => BoxError::from(error),
            })?;
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user("user@example.com", "password");
        let rules = Rules::new()
            .lifetime(Duration::from_secs(6))
            .issuing(Issuing::Rotating)
            .delay(Duration::from_millis(300));
        let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
        let mut stage = Self {
            sandbox: Sandbox::builder().issuer(issuer).start().await?,
            redis,
            replicas: Vec::new(),
        };
        stage.replace(REPLICAS).await?;
        Ok(stage)
    }

    /// Kills the oldest `count` replicas, if any, and starts as many.
    pub(crate) async fn replace(&mut self, count: usize) -> Result<(), BoxError> {
        let surplus = (self.replicas.len() + count).saturating_sub(REPLICAS);
        self.replicas.drain(..surplus);
        for _ in 0..count {
            let (base, redis) = (self.sandbox.base_url(), self.redis.url());
            let start = tokio::task::spawn_blocking(move || Replica::start(&base, &redis));
            self.replicas.push(start.await??);
        }
        Ok(())
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.replicas
            .iter()
            .map(|replica| replica.address)
            .collect()
    }

    /// Returns calls, failures and token requests of `load`, which counts the first two.
    pub(crate) async fn measured(&self, load: impl Future<Output = (u64, u64)>) -> (u64, u64, u64) {
        let requests = || self.sandbox.issuer().counters().token_requests;
        let before = requests();
        let (calls, failed) = load.await;
        (calls, failed, requests() - before)
    }
}

impl Replica {
    fn start(base: &str, redis: &str) -> Result<Self, BoxError> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["replica", base, redis])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        // Dropped, and so killed, if its first line is not the address.
        let mut replica = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        replica.address = line.trim().parse()?;
        Ok(replica)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
