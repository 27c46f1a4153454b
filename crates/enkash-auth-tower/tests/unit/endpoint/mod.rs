//! Exchanges over loopback: the last check, and the probe.

mod last_check;
mod probe;

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use enkash_auth_core::{Client, Credentials, Environment, User};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{Egress, TokenEndpoint};

const GRANT: &str =
    "HTTP/1.1 200 OK\r\ncontent-length: 40\r\n\r\n{\"access_token\":\"one\",\"expires_in\":3000}\n";

/// Returns credentials that no other test has: all tests share the record of attempts of this process.
pub(super) fn credentials() -> Credentials {
    Credentials::password(
        Client::new("client-id", "client-s3cret"),
        User::new(format!("user-{}", fastrand::u64(..)), "p4ssw0rd"),
    )
    .api_key("4pi-k3y")
}

fn endpoint(base: &str, egress: &Egress) -> TokenEndpoint {
    let environment = Environment::custom(base).unwrap();
    TokenEndpoint::with_egress(environment, credentials(), egress).unwrap()
}

/// What a [`Server`] does with a connection once it has read the head of a request, if it reads any.
#[derive(Clone, Copy)]
enum Manner {
    Respond(&'static str),
    Silent,
    Close,
}

/// A server on a socket, which records what each connection sends.
struct Server {
    address: SocketAddr,
    received: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Server {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<String>>>::default();
        let mut serving = JoinSet::new();
        let store = Arc::clone(&received);
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let mut received = store.lock().unwrap();
                received.push(String::new());
                let nth = received.len() - 1;
                connections.spawn(serve(stream, manner, Arc::clone(&store), nth));
            }
        });
        Self {
            address,
            received,
            _serving: serving,
        }
    }

    fn endpoint(&self) -> TokenEndpoint {
        endpoint(&format!("http://{}", self.address), &Egress::direct())
    }

    /// Returns what was received, one text per connection.
    fn received(&self) -> Vec<String> {
        self.received.lock().unwrap().clone()
    }
}

/// Serves one connection, which may end in any way.
async fn serve(
    mut stream: TcpStream,
    manner: Manner,
    received: Arc<Mutex<Vec<String>>>,
    nth: usize,
) -> io::Result<()> {
    let mut responded = false;
    loop {
        let mut buffer = [0; 4096];
        let length = stream.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let text = {
            let mut received = received.lock().unwrap();
            received[nth].push_str(&String::from_utf8_lossy(&buffer[..length]));
            received[nth].clone()
        };
        if !text.contains("\r\n\r\n") || responded {
            continue;
        }
        match manner {
            Manner::Respond(response) => stream.write_all(response.as_bytes()).await?,
            Manner::Silent => pending().await,
            Manner::Close => return Ok(()),
        }
        responded = true;
    }
}
