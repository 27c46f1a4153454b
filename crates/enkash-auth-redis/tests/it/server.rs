//! A `redis-server` on a free loopback port, in its own directory.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use redis::FromRedisValue;
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
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
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
        let (name, arguments) = command.split_first().unwrap();
        let mut command = redis::cmd(std::str::from_utf8(name).unwrap());
        command.arg(arguments);
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        command.query_async(&mut connection).await.unwrap()
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

    /// Restarts the server on the same port, with its persisted data.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, self.directory.path(), &self.args);
        self.until_it_listens().await;
    }

    async fn until_it_listens(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(10));
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

fn spawn(port: u16, directory: &Path, args: &[String]) -> Child {
    Command::new("redis-server")
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
