//! Hosts on the way to the token server that do not respond for 22 s, and then do.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use enkash_auth_core::{Client, Clock, Credentials, Environment, User, account::AccountRecord};
use enkash_auth_sandbox::{Accounts, Issuer, Sandbox, Tls};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep},
};

use super::sockets::{FullListener, HeldClock};
use crate::{
    Egress, ErrorKind, MemoryStore, RefreshPolicy, Store, TokenCache, TokenEndpoint,
    egress::Resolver,
};

/// What does not respond.
#[derive(Clone, Copy, Debug)]
enum Silent {
    Dns,
    Syn,
    Tls,
    Proxy,
}

/// Nothing was sent, so nothing counts, whatever the credentials.
#[tokio::test(start_paused = true)]
async fn silent_host_counts_nothing_and_ends_within_backoff() {
    for silent in [Silent::Dns, Silent::Syn, Silent::Tls, Silent::Proxy] {
        let mut held = Some(HeldClock::new());
        let (sandbox, credentials) = sandbox().await;
        let dropping = FullListener::new("127.0.0.1:0").await;
        let quiet = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let resolver = Resolver::new();
        match silent {
            Silent::Dns => {}
            Silent::Syn => resolver.set(&[dropping.address()]),
            Silent::Tls | Silent::Proxy => resolver.set(&[quiet.local_addr().unwrap()]),
        }
        let mut egress = Egress::direct().resolver(resolver.clone());
        if matches!(silent, Silent::Proxy) {
            egress = egress.proxy("http://proxy.test").unwrap();
        }
        let endpoint = trusting(&sandbox, &egress, credentials);
        let (store, account) = (Arc::new(MemoryStore::new()), endpoint.account());
        let policy = RefreshPolicy {
            fetch_timeout: Duration::from_secs(2),
            ..RefreshPolicy::default()
        };
        let tokens = TokenCache::builder(endpoint)
            .policy(policy)
            .unwrap()
            .clock(PausedClock(Instant::now()))
            .store(Arc::clone(&store))
            .build();
        drop(held.take());
        let start = Instant::now();
        let backoff = loop {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{silent:?} {error:?}");
            let status = tokens.status();
            assert_eq!((status.strikes(), status.unresolved_attempts()), (0, 0));
            if start.elapsed() >= Duration::from_secs(22) {
                break error.retry_after().unwrap();
            }
            sleep(Duration::from_secs(1)).await;
        };
        assert!(backoff <= Duration::from_secs(30), "{silent:?}");
        let loaded = store.load(&account).await.unwrap();
        let record = AccountRecord::from_bytes(account, loaded.record().unwrap()).unwrap();
        assert!(record.facts().attempts().is_empty(), "{silent:?}");

        sleep(backoff).await;
        let _held = HeldClock::new();
        let (proxy, _serving) = proxy(sandbox.addr()).await;
        resolver.set(&[match silent {
            Silent::Proxy => proxy,
            _ => sandbox.addr(),
        }]);
        let token = tokens.token().await;
        assert!(token.is_ok(), "{silent:?} {token:?}");
        assert_eq!(sandbox.issuer().counters().token_requests, 1);
    }
}

/// Follows tokio's clock.
#[derive(Debug)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn monotonic_nanos(&self) -> u64 {
        self.0.elapsed().as_nanos().try_into().unwrap()
    }

    fn unix_nanos(&self) -> u64 {
        1_767_268_800_000_000_000 + self.monotonic_nanos()
    }
}

/// Starts a token server named `enkash.test`, with an account that no other test has.
pub(super) async fn sandbox() -> (Sandbox, Credentials) {
    let user = format!("user-{}", fastrand::u64(..));
    let accounts = Accounts::none()
        .client("client-id", "client-secret")
        .user(&user, "password");
    let sandbox = Sandbox::builder()
        .issuer(Issuer::builder().accounts(accounts).build())
        .tls(Tls::new().name("enkash.test"))
        .start()
        .await
        .unwrap();
    let client = Client::new("client-id", "client-secret");
    (
        sandbox,
        Credentials::password(client, User::new(user, "password")),
    )
}

pub(super) fn trusting(
    sandbox: &Sandbox,
    egress: &Egress,
    credentials: Credentials,
) -> TokenEndpoint {
    let authority = sandbox.certificate_authority().unwrap();
    let egress = egress.clone().trust_pem(authority.pem().as_bytes());
    // Without a port, which would replace those of the addresses.
    let environment = Environment::custom("https://enkash.test").unwrap();
    TokenEndpoint::with_egress(environment, credentials, &egress.unwrap()).unwrap()
}

/// Starts a proxy that tunnels one connection to `target`.
pub(super) async fn proxy(target: SocketAddr) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(client.read_u8().await.unwrap());
        }
        let mut server = TcpStream::connect(target).await.unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        // It may end in any way.
        let _ = copy_bidirectional(&mut client, &mut server).await;
    });
    (address, serving)
}
