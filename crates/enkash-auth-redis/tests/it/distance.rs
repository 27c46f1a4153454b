//! A server in another region: round trips of up to 400 ms, with jitter and loss.

use std::{env, time::Duration};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{ErrorKind, RefreshPolicy, Store, TokenCache};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::fleet::{Fleet, LONG, keep_calling};

/// A path to a server.
#[derive(Clone, Copy, Default)]
pub(crate) struct Path {
    round_trip: Duration,
    /// A round trip is up to this longer or shorter.
    jitter: Duration,
    /// How many of a hundred packets are lost, each time. They are sent again after 200 ms and the round trip, then
    /// after twice that, and so on.
    loss: f64,
}

impl Path {
    pub(crate) fn of(millis: u64) -> Self {
        Self {
            round_trip: Duration::from_millis(millis),
            ..Self::default()
        }
    }

    /// Starts a proxy to the server on `port`, and returns its URL.
    pub(crate) async fn to(self, port: u16) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // It may be gone.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                // The handshake of TCP.
                tokio::spawn(self.carry(self.round_trip, from_client, to_server));
                tokio::spawn(self.carry(Duration::ZERO, from_server, to_client));
            }
        });
        url
    }

    /// Delays one direction, and the first packet by `handshake` more.
    async fn carry(
        self,
        mut handshake: Duration,
        mut from: impl AsyncReadExt + Unpin,
        mut to: impl AsyncWriteExt + Unpin + Send + 'static,
    ) {
        let (sender, mut packets) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
        tokio::spawn(async move {
            while let Some((at, packet)) = packets.recv().await {
                sleep_until(at).await;
                // The other side may be gone.
                if to.write_all(&packet).await.is_err() {
                    return;
                }
            }
        });
        let mut bytes = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            let mut delay = std::mem::take(&mut handshake) + self.round_trip / 2;
            delay = (delay + self.jitter.mul_f64(fastrand::f64())).saturating_sub(self.jitter / 2);
            let mut again = Duration::from_millis(200) + self.round_trip;
            while fastrand::f64() < self.loss / 100.0 {
                delay += again;
                again *= 2;
            }
            let packet = bytes.iter().take(length).copied().collect();
            if sender.send((Instant::now() + delay, packet)).is_err() {
                return;
            }
        }
    }
}

/// Asks for a token every 20 ms until `end`. Returns the number of calls, and how many failed.
async fn count(tokens: TokenCache, end: Instant) -> [u32; 2] {
    let (mut all, mut failed) = (0, 0);
    while Instant::now() < end {
        all += 1;
        failed += u32::from(tokens.token().await.is_err());
        sleep(Duration::from_millis(20)).await;
    }
    [all, failed]
}

fn store(url: &str, limit: Duration) -> RedisStore {
    RedisStore::new(url).unwrap().call_timeout(limit).unwrap()
}

/// `ENKASH_EXPIRIES` sets how many.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 22 s: lifetimes of a token"]
async fn replicas_near_and_far_share_one_token_per_expiry() {
    const LIFE: Duration = Duration::from_secs(4);
    let expiries = env::var("ENKASH_EXPIRIES").map_or(5, |count| count.parse().unwrap());
    let fleet = Fleet::slow(LIFE, Duration::from_millis(50)).await;
    let far = Path {
        jitter: Duration::from_millis(100),
        ..Path::of(400)
    };
    let mut calling = JoinSet::new();
    // The first token expires as often as that.
    let end = Instant::now() + LIFE * (expiries + 1) - LIFE / 2;
    for path in [Path::of(1), Path::of(90), Path::of(220), far] {
        let url = path.to(fleet.server.port()).await;
        let tokens = fleet.over(store(&url, Duration::from_secs(4)), "password");
        calling.spawn(async move {
            let (calls, slowest) = keep_calling(tokens.build(), end).await;
            println!(
                "{:?}: {calls} calls, the slowest {slowest:?}",
                path.round_trip
            );
        });
    }
    let lossy = Path { loss: 5.0, ..far };
    let url = lossy.to(fleet.server.port()).await;
    let tokens = fleet.over(store(&url, Duration::from_secs(4)), "password");
    // By chance the packets of one fetch of the five may be lost again and again.
    let [all, failed] = count(tokens.build(), end).await;
    println!("packets lost: {failed} of {all} calls failed");
    assert!(failed < all / 5, "{failed} of {all}");
    while let Some(one) = calling.join_next().await {
        one.unwrap();
    }
    fleet.assert_one_request_for_each_expiry(LIFE);
    assert!(fleet.requests() > expiries.into());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 15 s: lifetimes of a token"]
async fn replicas_survive_loss_of_four_packets_in_ten() {
    const LIFE: Duration = Duration::from_secs(5);
    let fleet = Fleet::slow(LIFE, Duration::from_millis(50)).await;
    let lossy = Path {
        loss: 40.0,
        ..Path::of(20)
    };
    let mut calling = JoinSet::new();
    let end = Instant::now() + LIFE * 3;
    for _ in 0..3 {
        let url = lossy.to(fleet.server.port()).await;
        let tokens = fleet.over(store(&url, Duration::from_secs(4)), "password");
        calling.spawn(count(tokens.build(), end));
    }
    let calls = calling.join_all().await;
    println!(
        "calls, and how many failed: {calls:?}; {} requests",
        fleet.requests()
    );
    // No attempt counts for ever, and none is made for nothing again and again.
    assert!(calls.iter().all(|[all, failed]| failed < all), "{calls:?}");
    assert!(fleet.requests() <= 3 * 3 * 2, "{}", fleet.requests());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn timeout_of_a_call_is_a_setting() {
    let fleet = Fleet::new(LONG).await;
    let url = Path::of(400).to(fleet.server.port()).await;
    let near = RedisStore::new(&url).unwrap();
    let tokens = fleet.over(near, "password").build();
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    let far = store(&url, Duration::from_secs(4));
    let started = Instant::now();
    let tokens = fleet.over(far.clone(), "password").build();
    tokens.token().await.unwrap();
    // Two to connect and log in, and four.
    assert!(started.elapsed() < Duration::from_millis(400 * 9));
    let account = tokens.account().unwrap();
    fleet.server.signal("-STOP");
    let started = Instant::now();
    far.load(&account).await.unwrap_err();
    let took = started.elapsed().as_secs();
    assert!((4..8).contains(&took), "{took}");
    for limit in [0, 5_001] {
        let limit = Duration::from_millis(limit);
        let store = RedisStore::new(&url).unwrap().call_timeout(limit);
        assert_eq!(store.unwrap_err().kind(), ErrorKind::InvalidSetting);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn fetch_deadline_ends_call_of_silent_store() {
    let mut policy = RefreshPolicy::default();
    let limit = Duration::from_secs(2);
    policy.fetch_timeout = limit;
    let fleet = Fleet::new(LONG).await;
    let patient = store(&fleet.server.url(), Duration::from_secs(5));
    let tokens = fleet.over(patient, "password").policy(policy).unwrap();
    let tokens = tokens.build();
    // It is connected.
    tokens.load_status().await.unwrap();
    fleet.server.signal("-STOP");
    let started = Instant::now();
    let error = tokens.token().await.unwrap_err();
    let took = started.elapsed();
    println!("{took:?}: {error}");
    assert!(took < limit * 2, "{took:?}");
    assert_eq!(fleet.requests(), 0);
}
