//! A `redis-server` on a free loopback port, in its own directory. `REDIS_SERVER` names another program.

use std::{
    env,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use redis::{FromRedisValue, RedisResult};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

pub(crate) struct Server {
    child: Child,
    port: u16,
    directory: TempDir,
    args: Vec<String>,
}

impl Server {
    /// Starts a server without persistence, unless `args` enable it.
    pub(crate) async fn start(args: &[&str]) -> Self {
        let port = free_port();
        let directory = tempfile::tempdir().unwrap();
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let child = spawn(port, directory.path(), &args);
        let server = Self {
            child,
            port,
            directory,
            args,
        };
        server.until_it_listens().await;
        server
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::new(&self.url()).unwrap()
    }

    /// Runs a command on a new connection.
    pub(crate) async fn run<T: FromRedisValue>(&self, command: &[&[u8]]) -> T {
        self.try_run(command).await.unwrap()
    }

    /// Runs the words of `command`.
    pub(crate) async fn command<T: FromRedisValue>(&self, command: &str) -> T {
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        self.run(&words).await
    }

    pub(crate) async fn try_run<T: FromRedisValue>(&self, command: &[&[u8]]) -> RedisResult<T> {
        let (name, arguments) = command.split_first().unwrap();
        let mut command = redis::cmd(std::str::from_utf8(name).unwrap());
        command.arg(arguments);
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        command.query_async(&mut connection).await
    }

    /// Returns what `INFO replication` shows, or nothing: a promotion closes connections.
    pub(crate) async fn replication(&self) -> String {
        let info = self.try_run(&[b"INFO", b"replication"]).await;
        info.unwrap_or_default()
    }

    pub(crate) async fn keys(&self) -> Vec<String> {
        self.run(&[b"KEYS", b"*"]).await
    }

    /// Returns the only key.
    pub(crate) async fn key(&self) -> String {
        let keys = self.keys().await;
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.concat()
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        self.run(&[b"GET", key.as_bytes()]).await
    }

    pub(crate) async fn set(&self, key: &str, value: &[u8]) {
        self.run::<()>(&[b"SET", key.as_bytes(), value]).await;
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &id]).status();
        assert!(kill.unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Replaces the arguments, for the next start.
    pub(crate) fn set_args(&mut self, args: &[&str]) {
        self.args = args.iter().map(ToString::to_string).collect();
    }

    /// Restarts the server on the same port, with its persisted data.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, self.directory.path(), &self.args);
        self.until_it_listens().await;
    }

    async fn until_it_listens(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60));
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if the process has already exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn program() -> String {
    env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned())
}

/// Returns a free port. The bus of a cluster uses the one 10,000 above it.
pub(crate) fn free_port() -> u16 {
    loop {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let bus = port.checked_add(10_000);
        if bus.is_some_and(|bus| TcpListener::bind(("127.0.0.1", bus)).is_ok()) {
            return port;
        }
    }
}

fn spawn(port: u16, directory: &Path, args: &[String]) -> Child {
    Command::new(program())
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--maxmemory-policy", "noeviction", "--dir"])
        .arg(directory)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
