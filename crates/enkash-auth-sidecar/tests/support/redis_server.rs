use std::{
    io,
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::sleep;

/// How long the server may take to start listening.
const START: Duration = Duration::from_secs(10);

/// The poll interval of that.
const POLL: Duration = Duration::from_millis(10);

/// A `redis-server` on a free loopback port, without persistence. Killed on drop.
#[derive(Debug)]
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl RedisServer {
    /// Starts a server, and waits until it listens.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotFound`] if the program is not installed.
    pub(crate) async fn start() -> io::Result<Self> {
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
                // Another process took the port in the meantime.
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                started => return started.map(|()| server),
            }
        }
    }

    /// Returns the URL of the server.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Returns the process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server, and loses its data.
    ///
    /// # Errors
    ///
    /// If the process cannot be killed.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(drop)
    }

    /// Restarts the server on the same port, empty.
    ///
    /// # Errors
    ///
    /// If the server does not start.
    pub(crate) async fn restart(&mut self) -> io::Result<()> {
        self.child = spawn(self.port, &self.directory)?;
        self.until_it_listens().await
    }

    /// Fails with [`io::ErrorKind::AddrInUse`] if the process exits first.
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
        // Fails if the process has already exited.
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
