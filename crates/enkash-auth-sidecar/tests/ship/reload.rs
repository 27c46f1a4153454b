//! An upstream that closes connections while it is called: nginx, which reloads its settings.

use std::{
    collections::HashSet,
    fs,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use enkash_auth_sandbox::Sandbox;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};

use super::{
    process::{Sidecar, sidecar},
    stage::configure,
};

const CALLERS: usize = 64;
const RELOADS: usize = 12;

/// Returns the id of its worker to each call.
struct Nginx {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl Nginx {
    async fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let directory = tempfile::tempdir().unwrap();
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {name};"));
        let settings = format!(
            "daemon off; pid pid; worker_processes 2; error_log errors;\n\
             events {{ worker_connections 1024; }}\n\
             http {{ access_log off; {}\n\
             server {{ listen 127.0.0.1:{port}; location / {{ return 200 $pid; }} }} }}\n",
            temporary.concat(),
        );
        fs::write(directory.path().join("settings"), settings).unwrap();
        let child = nginx(directory.path()).spawn().unwrap();
        let server = Self {
            child,
            port,
            directory,
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        server
    }

    fn reload(&self) {
        let reloaded = nginx(self.directory.path()).args(["-s", "reload"]).status();
        assert!(reloaded.unwrap().success());
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Ends its workers. Fails if the process has already exited.
        let _ = nginx(self.directory.path()).args(["-s", "stop"]).status();
        let _ = self.child.wait();
    }
}

fn nginx(directory: &Path) -> Command {
    let mut command = Command::new("nginx");
    command
        .arg("-p")
        .arg(directory)
        .args(["-e", "errors", "-c", "settings"]);
    command
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs nginx, runs for some 8 s"]
async fn reloads_of_nginx_fail_no_get() {
    let (nginx, sandbox) = (Nginx::start().await, Sandbox::builder().start().await);
    let sandbox = sandbox.unwrap();
    let mut command = sidecar();
    configure(&mut command, &sandbox);
    command
        .args(["--upstream", &format!("http://127.0.0.1:{}", nginx.port)])
        .env("RUST_LOG", "info");
    let sidecar = Sidecar::start(command).await;
    let (is_done, count) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let workers = Arc::new(Mutex::new(HashSet::new()));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut calling = JoinSet::new();
    for _ in 0..CALLERS {
        let (is_done, count) = (Arc::clone(&is_done), Arc::clone(&count));
        let (client, workers) = (client.clone(), Arc::clone(&workers));
        let url = format!("http://{}/any", sidecar.address());
        calling.spawn(async move {
            while !is_done.load(Ordering::Relaxed) {
                let request = Request::get(&url).body(Full::<Bytes>::default()).unwrap();
                let response = client.request(request).await.unwrap();
                let status = response.status();
                let body = response.into_body().collect().await.unwrap().to_bytes();
                assert_eq!(status, StatusCode::OK, "{body:?}");
                workers.lock().unwrap().insert(body);
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for reload in 0..=RELOADS {
        // Once calls are served by the workers of the last one.
        let before = count.load(Ordering::Relaxed);
        while count.load(Ordering::Relaxed) < before + 500
            || workers.lock().unwrap().len() <= reload
        {
            if let Some(failed) = calling.try_join_next() {
                failed.unwrap();
            }
            sleep(Duration::from_millis(20)).await;
        }
        if reload < RELOADS {
            nginx.reload();
        }
    }
    is_done.store(true, Ordering::Relaxed);
    calling.join_all().await;
    println!(
        "{count:?} calls, of {} workers",
        workers.lock().unwrap().len()
    );
    sidecar.kill().await;
}
