use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tokio::{net::TcpStream, time::sleep};

/// Linux reports processor time in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running proxy, killed on drop.
pub(crate) struct Proxy {
    name: &'static str,
    address: SocketAddr,
    child: Child,
}

impl Proxy {
    /// Starts the sidecar with one worker thread, or as many as there are processors.
    pub(crate) fn sidecar(
        path: &Path,
        token_server: &str,
        upstream: SocketAddr,
        is_single: bool,
    ) -> io::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(path);
        command
            .env_clear()
            .args(["--listen", &address.to_string()])
            .args(["--upstream", &format!("http://{upstream}")])
            .env("ENKASH_BASE_URL", token_server)
            .env("ENKASH_CLIENT_ID", "client-id")
            .env("ENKASH_CLIENT_SECRET", "client-secret")
            .env("ENKASH_USERNAME", "user@example.com")
            .env("ENKASH_PASSWORD", "password")
            .env("ENKASH_TOKEN_STORE", "memory");
        if !is_single {
            return Self::start("enkash-sidecar, all threads", address, command);
        }
        command.env("TOKIO_WORKER_THREADS", "1");
        Self::start("enkash-sidecar", address, command)
    }

    /// Starts nginx, with request bodies streamed like the others do.
    pub(crate) fn nginx(dir: &Path, upstream: SocketAddr) -> io::Result<Self> {
        let address = free_address()?;
        let at = dir.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/nginx.pid; error_log {at}/nginx.log;
            events {{ worker_connections 4096; }}
            http {{
                access_log off; keepalive_requests 100000000; client_max_body_size 0;
                client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;
                uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
                upstream api {{ server {upstream}; keepalive 1024; keepalive_requests 100000000; }}
                server {{
                    listen {address};
                    location / {{
                        proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection '';
                        proxy_request_buffering off; proxy_max_temp_file_size 0;
                        proxy_set_header Authorization 'Bearer {TOKEN}';
                    }}
                }}
            }}"
        );
        let path = dir.join("nginx.conf");
        fs::write(&path, config)?;
        let mut command = Command::new("nginx");
        command.arg("-c").arg(path);
        Self::start("nginx", address, command)
    }

    pub(crate) fn haproxy(dir: &Path, upstream: SocketAddr) -> io::Result<Self> {
        let address = free_address()?;
        let config = format!(
            "global
                nbthread 1
                maxconn 4096
            defaults
                mode http
                timeout connect 5s
                timeout client 60s
                timeout server 60s
                http-reuse always
            listen api
                bind {address}
                http-request set-header Authorization 'Bearer {TOKEN}'
                server api {upstream} pool-max-conn 1024\n"
        );
        let path = dir.join("haproxy.conf");
        fs::write(&path, config)?;
        let mut command = Command::new("haproxy");
        command.arg("-db").arg("-f").arg(path);
        Self::start("haproxy", address, command)
    }

    fn start(name: &'static str, address: SocketAddr, mut command: Command) -> io::Result<Self> {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
        Ok(Self {
            name,
            address,
            child,
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the address once it listens.
    pub(crate) async fn address(&mut self) -> io::Result<SocketAddr> {
        while TcpStream::connect(self.address).await.is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("{}: {status}", self.name)));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(self.address)
    }

    /// Returns the processor time of all its threads so far, in microseconds.
    pub(crate) fn micros(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // After the name, which may contain anything, utime and stime are the 12th and 13th fields.
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.flat_map(str::parse::<f64>).sum();
        Ok(ticks / TICKS_PER_SECOND * 1e6)
    }

    /// Returns its resident memory in MiB.
    pub(crate) fn mebibytes(&self) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kibibytes.unwrap_or_default() / 1024.0)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// As long as the sandbox's.
const TOKEN: &str = "c7a1f0de-5b7e-4b51-9d0f-2d8f3a0c6b19";

fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
