use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use tempfile::TempDir;
use tokio::time::sleep;

use super::{
    server::{Server, free_port, program},
    soon::soon,
};

/// A primary with a replica, and three sentinels.
pub(crate) struct Watched {
    servers: [Server; 2],
    /// Which of them is the primary.
    primary: usize,
    sentinels: Vec<Sentinel>,
}

/// The password of servers and sentinels.
const PASSWORD: &str = "hunter2";

struct Sentinel {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl Watched {
    pub(crate) async fn start() -> Self {
        let primary = Server::start(&[]).await;
        let port = primary.port().to_string();
        let replica = Server::start(&["--replicaof", "127.0.0.1", &port]).await;
        let sentinels = (0..3).map(|_| Sentinel::start(primary.port()));
        let watched = Self {
            sentinels: sentinels.collect(),
            servers: [primary, replica],
            primary: 0,
        };
        watched.until_replicated().await;
        watched
    }

    pub(crate) fn primary(&self) -> &Server {
        &self.servers[self.primary]
    }

    pub(crate) fn replica(&self) -> &Server {
        &self.servers[1 - self.primary]
    }

    fn hosts(&self) -> String {
        let hosts = self
            .sentinels
            .iter()
            .map(|sentinel| format!("127.0.0.1:{}", sentinel.port));
        hosts.collect::<Vec<_>>().join(",")
    }

    /// Returns a store with a password for the sentinels. The servers accept any.
    pub(crate) fn store(&self, name: &str) -> RedisStore {
        RedisStore::new(&self.url(name)).unwrap()
    }

    /// Returns the URL of the primary called `name`.
    pub(crate) fn url(&self, name: &str) -> String {
        let hosts = self.hosts();
        format!("redis-sentinel://default:{PASSWORD}@{hosts}?master={name}")
    }

    pub(crate) fn kill_sentinel(&mut self) {
        self.sentinels[0].child.kill().unwrap();
    }

    pub(crate) fn kill_replica(&mut self) {
        self.servers[1 - self.primary].kill();
    }

    /// Waits until the replica could be promoted.
    async fn until_replicated(&self) {
        soon("the sentinels know all", async || {
            let info = self.replica().replication().await;
            let mut known = info.contains("master_link_status:up");
            for sentinel in &self.sentinels {
                known &= sentinel.info().await.contains("status=ok") && {
                    let info = sentinel.info().await;
                    info.contains("slaves=1,sentinels=3")
                };
            }
            known
        })
        .await;
        // The replica is not suspected any more.
        sleep(Duration::from_secs(1)).await;
    }

    /// Kills the primary, and waits until the other one is promoted.
    pub(crate) fn kill(&mut self) {
        self.servers[self.primary].kill();
        self.primary = 1 - self.primary;
    }

    /// Restarts the other server as a replica of the primary.
    pub(crate) async fn restart(&mut self) {
        let port = self.primary().port().to_string();
        let other = &mut self.servers[1 - self.primary];
        other.set_args(&["--replicaof", "127.0.0.1", &port]);
        other.restart().await;
        self.until_replicated().await;
    }
}

impl Sentinel {
    fn start(primary: u16) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (file, port) = (directory.path().join("sentinel.conf"), free_port());
        let config = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor payouts 127.0.0.1 {primary} 2\n\
             sentinel down-after-milliseconds payouts 500\n\
             sentinel failover-timeout payouts 1000\n\
             requirepass {PASSWORD}\n",
            directory.path().display(),
        );
        fs::write(&file, config).unwrap();
        let mut command = Command::new(program());
        command.arg(&file).arg("--sentinel");
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            child: command.spawn().unwrap(),
            port,
            _directory: directory,
        }
    }

    async fn info(&self) -> String {
        let url = format!("redis://:{PASSWORD}@127.0.0.1:{}", self.port);
        let client = redis::Client::open(url).unwrap();
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
            return String::new();
        };
        let info = redis::cmd("INFO")
            .arg("sentinel")
            .query_async(&mut connection)
            .await;
        info.unwrap_or_default()
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
