use std::{
    env,
    io::{self, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::sleep;

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(10);

/// How often that is looked at.
const POLL: Duration = Duration::from_millis(10);

/// A `redis-server` on a free loopback port, which keeps nothing. Dropped, it is killed.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> std::io::Result<()> {
/// use enkash_auth_examples::RedisServer;
///
/// let mut server = RedisServer::start().await?;
/// println!("{}", server.url());
/// server.kill()?;
/// server.restart().await
/// # }
/// ```
#[derive(Debug)]
pub struct RedisServer {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl RedisServer {
    /// Starts one, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] where the program is not installed.
    pub async fn start() -> io::Result<Self> {
        loop {
            let free = TcpListener::bind("127.0.0.1:0")?;
            let port = free.local_addr()?.port();
            drop(free);
            let directory = tempfile::tempdir()?;
            let mut server = Self {
                child: spawn(port, &directory)?,
                port,
                directory,
            };
            match server.until_it_listens().await {
                // The port was taken meanwhile.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                started => return started.map(|()| server),
            }
        }
    }

    /// The same for a test of `what`. `None` where the program is not installed, which it says, past
    /// what captures the output of tests; with `ENKASH_REQUIRE_REDIS` that is an error.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn start_if_installed(what: &str) -> io::Result<Option<Self>> {
        match Self::start().await {
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && env::var_os("ENKASH_REQUIRE_REDIS").is_none() =>
            {
                let mut stderr = io::stderr();
                writeln!(
                    stderr,
                    "redis-server is not installed: {what} is not tested"
                )?;
                Ok(None)
            }
            started => started.map(Some),
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it: all is lost that it had.
    ///
    /// # Errors
    ///
    /// Where it cannot be killed.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Starts it again on the same port, empty.
    ///
    /// # Errors
    ///
    /// Where it does not start.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.child = spawn(self.port, &self.directory)?;
        self.until_it_listens().await
    }

    /// [`io::ErrorKind::AddrInUse`] where it has ended instead.
    async fn until_it_listens(&mut self) -> io::Result<()> {
        let mut waited = Duration::ZERO;
        loop {
            if self.child.try_wait()?.is_some() {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(_) => return Ok(()),
                Err(error) if waited > START => return Err(error),
                Err(_) => sleep(POLL).await,
            }
            waited += POLL;
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, directory: &TempDir) -> io::Result<Child> {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--maxmemory-policy", "noeviction", "--dir"])
        .arg(directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}
