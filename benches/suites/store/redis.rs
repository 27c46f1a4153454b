use std::{
    io,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// A `redis-server` on a free loopback port, without persistence.
pub(crate) struct Redis {
    port: u16,
    server: Child,
}

impl Redis {
    pub(crate) fn start(directory: &Path) -> io::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Command::new("redis-server");
        server.args([
            "--port",
            &port.to_string(),
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
        ]);
        server.current_dir(directory).stdout(Stdio::null());
        let redis = Self {
            port,
            server: server.spawn()?,
        };
        for _ in 0..200 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(redis);
            }
            pause();
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

#[expect(clippy::disallowed_methods, reason = "another process starts")]
fn pause() {
    thread::sleep(Duration::from_millis(50));
}
