//! Fifty replicas: what they cost the token server, and the store.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{
    ErrorKind, TokenCache, TokenEndpoint, TokenRequestBody, internal::Process,
};
use http::{Request, Response};
use http_body_util::BodyExt;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::service_fn;

use crate::{
    fleet::{credentials, environment},
    support::server::Server,
};

const REPLICAS: usize = 50;

/// A token server whose password changes. It counts requests and rejections.
#[derive(Default)]
struct Issuer {
    password: Mutex<&'static str>,
    delay: Mutex<Duration>,
    requests: AtomicU64,
    rejections: AtomicU64,
}

impl Issuer {
    fn new(password: &'static str) -> Arc<Self> {
        Arc::new(Self {
            password: password.into(),
            delay: Duration::from_millis(300).into(),
            ..Self::default()
        })
    }

    async fn grant(&self, request: Request<TokenRequestBody>) -> Response<String> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let delay = *self.delay.lock().unwrap();
        sleep(delay).await;
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let password = format!("password={}", self.password.lock().unwrap());
        let is_right = String::from_utf8_lossy(&body)
            .split('&')
            .any(|pair| pair == password);
        let (status, body) = if is_right {
            let grant = format!(r#"{{"access_token":"{number}","expires_in":300}}"#);
            (200, grant)
        } else {
            self.rejections.fetch_add(1, Ordering::SeqCst);
            (400, r#"{"error":"invalid_grant"}"#.to_owned())
        };
        Response::builder().status(status).body(body).unwrap()
    }

    /// Starts replicas, each with a connection of its own.
    fn replicas(self: &Arc<Self>, server: &Server, password: &str) -> Vec<TokenCache> {
        let replica = |_| {
            let issuer = Arc::clone(self);
            let service = service_fn(move |request| {
                let issuer = Arc::clone(&issuer);
                async move { Ok::<_, Infallible>(issuer.grant(request).await) }
            });
            let endpoint =
                TokenEndpoint::with_service(environment(), credentials(password), service);
            let store: RedisStore = server.store();
            let builder = TokenCache::builder(endpoint.unwrap()).store(store);
            builder.process(Process::new()).build()
        };
        (0..REPLICAS).map(replica).collect()
    }

    /// Returns the numbers of requests and of rejections so far.
    fn counts(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        (count(&self.requests), count(&self.rejections))
    }
}

/// Asks all replicas at once, and checks that each ends with `expected`: an error, or a token.
async fn ask(replicas: &[TokenCache], expected: Option<ErrorKind>) {
    let mut asking = JoinSet::new();
    for tokens in replicas {
        let tokens = tokens.clone();
        asking.spawn(async move { tokens.token().await.err().map(|error| error.kind()) });
    }
    let ends = asking.join_all().await;
    assert!(ends.iter().all(|end| *end == expected), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn fifty_replicas_make_one_request_for_each_event() {
    let (server, issuer) = (Server::start(&[]).await, Issuer::new("first"));
    let cold = issuer.replicas(&server, "first");
    ask(&cold, None).await;
    assert_eq!(issuer.counts(), (1, 0), "cold");
    drop(cold);
    let rolled = issuer.replicas(&server, "first");
    ask(&rolled, None).await;
    assert_eq!(issuer.counts(), (1, 0), "rolled");
    // For 3 s, an API may not know the token yet.
    sleep(Duration::from_millis(3_200)).await;
    for tokens in &rolled {
        let token = tokens.token().await.unwrap();
        tokens.reject(&token);
    }
    ask(&rolled, None).await;
    assert_eq!(issuer.counts(), (2, 0), "revoked");
    sleep(Duration::from_millis(3_200)).await;
    *issuer.password.lock().unwrap() = "second";
    for tokens in &rolled {
        let token = tokens.token().await.unwrap();
        tokens.reject(&token);
    }
    ask(&rolled, Some(ErrorKind::Rejected)).await;
    assert_eq!(issuer.counts(), (3, 1), "password changed");
    for tokens in &rolled {
        tokens.set_credentials(credentials("second")).unwrap();
    }
    ask(&rolled, None).await;
    assert_eq!(issuer.counts(), (4, 1), "changed here as well");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 10 s: polls"]
async fn fifty_replicas_with_wrong_password_are_rejected_once() {
    let (server, issuer) = (Server::start(&[]).await, Issuer::new("right"));
    let replicas = issuer.replicas(&server, "wrong");
    ask(&replicas, Some(ErrorKind::Rejected)).await;
    assert_eq!(issuer.counts(), (1, 1));
    let before = calls(&server).await;
    sleep(Duration::from_secs(10)).await;
    let polls = calls(&server).await - before;
    println!("{polls} calls of {REPLICAS} replicas in 10 s");
    // One every 4 s at most.
    assert!(polls <= 3 * u64::try_from(REPLICAS).unwrap(), "{polls}");
    ask(&replicas, Some(ErrorKind::Rejected)).await;
    assert_eq!(issuer.counts(), (1, 1));
}

/// Returns how many loads and writes the server has seen.
async fn calls(server: &Server) -> u64 {
    let stats: String = server.command("INFO commandstats").await;
    let count = |command: &str| {
        let mut lines = stats.lines();
        let line = lines.find_map(|line| line.strip_prefix(command)?.strip_prefix(":calls="));
        let count = line.and_then(|line| line.split(',').next());
        count.map_or(0, |count| count.parse().unwrap())
    };
    // Each load reads the time.
    count("cmdstat_time") + count("cmdstat_eval")
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 8 s: a fetch"]
async fn waiting_replicas_ask_the_store_less_and_less_often() {
    let (server, issuer) = (Server::start(&[]).await, Issuer::new("right"));
    *issuer.delay.lock().unwrap() = Duration::from_secs(60);
    let replicas = issuer.replicas(&server, "right");
    let mut waiting = JoinSet::new();
    for tokens in replicas {
        waiting.spawn(async move { tokens.token().await.map(drop) });
    }
    let start = Instant::now();
    let mut counts = Vec::new();
    for second in 0..=8 {
        sleep((start + Duration::from_secs(second)).saturating_duration_since(Instant::now()))
            .await;
        counts.push(calls(&server).await);
    }
    let each: Vec<u64> = counts
        .windows(2)
        .map(|two| two.last().unwrap() - two.first().unwrap())
        .collect();
    println!("calls of {REPLICAS} replicas in each second: {each:?}");
    let late: u64 = each.iter().skip(3).sum();
    // In the last 5 s, each polls once: of a thousand, 200 a second. The one that is waited for polls the record, and
    // loads and writes it at its end.
    let most = u64::try_from(REPLICAS).unwrap() - 1 + 3;
    assert!(late <= most, "{late}");
}
