//! A `redis-server` on a free loopback port, without persistence, in a directory of its own.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Once},
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

pub(crate) struct Server {
    child: Child,
    port: u16,
    directory: TempDir,
    args: Vec<String>,
}

impl Server {
    /// `None` where the program is not installed, which it says.
    pub(crate) async fn start(args: &[&str]) -> Option<Self> {
        let program = Command::new("redis-server").arg("--version").output();
        if program.is_err() {
            assert!(
                std::env::var_os("ENKASH_REQUIRE_REDIS").is_none(),
                "redis-server is not installed"
            );
            say_so();
            return None;
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let args: Vec<String> = args.iter().map(ToString::to_string).collect();
        let child = spawn(port, &directory, &args);
        let server = Self {
            child,
            port,
            directory,
            args,
        };
        server.until_it_listens().await;
        Some(server)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> Arc<RedisStore> {
        Arc::new(RedisStore::new(&self.url()).unwrap())
    }

    pub(crate) async fn redis(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).unwrap();
        client.get_multiplexed_async_connection().await.unwrap()
    }

    /// All keys that end so.
    pub(crate) async fn keys(&self, end: &str) -> Vec<String> {
        let mut keys: Vec<String> = redis::cmd("KEYS")
            .arg(format!("*{end}"))
            .query_async(&mut self.redis().await)
            .await
            .unwrap();
        keys.sort();
        keys
    }

    pub(crate) async fn get(&self, key: &str) -> Vec<u8> {
        let get = redis::cmd("GET").arg(key).clone();
        get.query_async(&mut self.redis().await).await.unwrap()
    }

    pub(crate) async fn run(&self, words: &[&[u8]]) {
        let (name, arguments) = words.split_first().unwrap();
        let mut command = redis::cmd(std::str::from_utf8(name).unwrap());
        for argument in arguments {
            command.arg(*argument);
        }
        let done = command.query_async::<()>(&mut self.redis().await).await;
        done.unwrap();
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let kill = Command::new("kill").args([name, &id]).status();
        assert!(kill.unwrap().success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again on the same port, empty.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.port, &self.directory, &self.args);
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
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Once, and past what captures the output of tests.
fn say_so() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        let line = b"redis-server is not installed: the tests of the store on Redis do nothing\n";
        std::io::stderr().write_all(line).unwrap();
    });
}

fn spawn(port: u16, directory: &TempDir, args: &[String]) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--maxmemory-policy", "noeviction", "--dir"])
        .arg(directory.path())
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}
