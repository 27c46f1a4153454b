//! An upstream that closes, resets, hangs, responds early and rejects at random: no call is sent twice that must not be, no
//! response is another's, and what is said not to have been forwarded was not.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use enkash_auth_axum::Proxy;
use enkash_auth_tower::BoxError;
use futures_util::stream;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::support::{a_cache, call};

const CALLERS: u32 = 12;
const CALLS: u32 = 60;

/// The longest wait for the upstream.
const PATIENCE: Duration = Duration::from_millis(500);

/// The methods, and whether a call is idempotent.
const METHODS: [(Method, bool); 4] = [
    (Method::GET, true),
    (Method::PUT, true),
    (Method::POST, false),
    (Method::PATCH, false),
];

#[derive(Clone)]
struct Upstream {
    address: SocketAddr,
    /// How often each call arrived and may have been carried out.
    arrived: Arc<Mutex<HashMap<u32, u32>>>,
    is_well: Arc<AtomicBool>,
}

/// What becomes of one request.
#[derive(Clone, Copy)]
enum Fate {
    Served,
    ServedLate,
    ServedAndClosed,
    Announced,
    Early,
    Unread,
    Unanswered,
    HalfHead,
    HalfBody,
    Hanging,
    Unauthorized,
}

impl Fate {
    fn draw() -> Self {
        match fastrand::u8(..24) {
            0 => Self::ServedLate,
            1 | 2 => Self::ServedAndClosed,
            3 => Self::Announced,
            4 => Self::Early,
            5 => Self::Unread,
            6 => Self::Unanswered,
            7 => Self::HalfHead,
            8 => Self::HalfBody,
            9 => Self::Hanging,
            10 | 11 => Self::Unauthorized,
            _ => Self::Served,
        }
    }
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self {
            address: listener.local_addr().unwrap(),
            arrived: Arc::default(),
            is_well: Arc::default(),
        };
        let serving = upstream.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let serving = serving.clone();
                // A failed connection is the proxy's or this one's.
                tokio::spawn(async move { drop(serving.serve(stream).await) });
            }
        });
        upstream
    }

    fn is_well(&self) -> bool {
        self.is_well.load(Ordering::Relaxed)
    }

    async fn serve(&self, mut stream: TcpStream) -> Result<(), BoxError> {
        if !self.is_well() && fastrand::u8(..16) == 0 {
            return Ok(());
        }
        let mut read = Vec::new();
        loop {
            let head = until(&mut stream, &mut read, |read| {
                read.windows(4).position(|it| it == b"\r\n\r\n")
            });
            let head = head.await?;
            let rest = read.split_off(head + 4);
            let head = String::from_utf8(std::mem::replace(&mut read, rest))?;
            let id = head.split(['/', ' ']).nth(2).ok_or("no id")?.parse()?;
            let fate = if self.is_well() {
                Fate::Served
            } else {
                Fate::draw()
            };
            if !matches!(fate, Fate::Unauthorized) {
                *self.arrived.lock().unwrap().entry(id).or_default() += 1;
            }
            match fate {
                Fate::Unread => return reset(stream),
                Fate::Early => {
                    let early =
                        format!("HTTP/1.1 413 Large\r\nserved: {id}\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(early.as_bytes()).await?;
                    return Ok(());
                }
                _ => {}
            }
            let length = head.split("content-length: ").nth(1);
            let length: usize = match length {
                Some(length) => length.split("\r\n").next().unwrap_or_default().parse()?,
                None => 0,
            };
            if head.contains("transfer-encoding: chunked") {
                let last = |read: &[u8]| read.windows(5).position(|it| it == b"0\r\n\r\n");
                let end = until(&mut stream, &mut read, last).await? + 5;
                read.drain(..end);
            } else {
                let whole = |read: &[u8]| (read.len() >= length).then_some(length);
                let end = until(&mut stream, &mut read, whole).await?;
                read.drain(..end);
            }
            let body = format!("{id}").repeat(1 + id as usize % 400);
            let announced = match fate {
                Fate::Announced => "connection: close\r\n",
                _ => "",
            };
            let status = match fate {
                Fate::Unauthorized => {
                    "401 Unauthorized\r\nwww-authenticate: Bearer error=\"invalid_token\""
                }
                _ => "200 OK",
            };
            let length = body.len();
            let response = format!(
                "HTTP/1.1 {status}\r\nserved: {id}\r\n{announced}content-length: {length}\r\n\r\n{body}"
            );
            let response = response.as_bytes();
            match fate {
                Fate::Unanswered => return reset(stream),
                Fate::Hanging => {
                    sleep(4 * PATIENCE).await;
                    return Ok(());
                }
                Fate::HalfHead => return Ok(stream.write_all(&response[..20]).await?),
                Fate::HalfBody => {
                    let half = response.len() - length.div_ceil(2);
                    return Ok(stream.write_all(&response[..half]).await?);
                }
                Fate::ServedLate => sleep(Duration::from_millis(fastrand::u64(..50))).await,
                _ => {}
            }
            stream.write_all(response).await?;
            if matches!(fate, Fate::ServedAndClosed | Fate::Announced) {
                return Ok(());
            }
        }
    }
}

/// Reads until `end` finds an end.
async fn until(
    stream: &mut TcpStream,
    read: &mut Vec<u8>,
    end: impl Fn(&[u8]) -> Option<usize>,
) -> Result<usize, BoxError> {
    loop {
        if let Some(end) = end(read) {
            return Ok(end);
        }
        if stream.read_buf(read).await? == 0 {
            return Err("closed".into());
        }
    }
}

/// Closes the connection with a reset.
fn reset(stream: TcpStream) -> Result<(), BoxError> {
    Ok(stream.set_zero_linger()?)
}

/// Makes the call `id` and returns the status, unless its caller left.
async fn make(proxy: &Proxy, upstream: &Upstream, id: u32) -> Option<StatusCode> {
    let (method, is_idempotent) = METHODS[fastrand::usize(..METHODS.len())].clone();
    let piece = || Bytes::from(vec![b'x'; fastrand::usize(1..40_000)]);
    let body = match fastrand::u8(..4) {
        0 => Body::from(piece()),
        1 => {
            let pieces: Vec<_> = (0..fastrand::u8(1..6)).map(|_| piece()).collect();
            Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, BoxError>)))
        }
        _ => Body::empty(),
    };
    let request = Request::builder().method(method).uri(format!("/{id}"));
    let patience = match fastrand::u8(..10) {
        0 => Duration::from_millis(fastrand::u64(..20)),
        _ => Duration::from_secs(60),
    };
    let response = timeout(patience, call(proxy, request.body(body).unwrap()));
    let response = response.await.ok();
    let arrived = || upstream.arrived.lock().unwrap().get(&id).copied();
    let arrivals = arrived().unwrap_or_default();
    assert!(arrivals <= 1 + u32::from(is_idempotent), "{id}: {arrivals}");
    let response = response?;
    let (head, body) = response.into_parts();
    let is_own = head
        .headers
        .get("served")
        .is_none_or(|by| by == &*id.to_string());
    assert!(is_own, "{id}: {head:?}");
    let Ok(body) = body.collect().await else {
        return Some(StatusCode::BAD_GATEWAY);
    };
    let body = String::from_utf8(body.to_bytes().to_vec()).unwrap();
    match head.status {
        StatusCode::OK => {
            assert_eq!(body, id.to_string().repeat(1 + id as usize % 400));
            assert!(arrivals >= 1);
        }
        _ if body.contains(r#""forwarded":false"#) => assert_eq!(arrivals, 0, "{id}: {body}"),
        _ => {}
    }
    Some(head.status)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_upstream_doubles_and_mixes_no_call() {
    let upstream = Upstream::start().await;
    let origin = format!("http://{}", upstream.address);
    let proxy = Proxy::builder(a_cache(), origin.parse().unwrap())
        .response_timeout(PATIENCE)
        .build()
        .unwrap();
    let (ids, mut callers) = (Arc::new(AtomicU32::new(0)), JoinSet::new());
    for _ in 0..CALLERS {
        let (proxy, upstream, ids) = (proxy.clone(), upstream.clone(), Arc::clone(&ids));
        callers.spawn(async move {
            let mut served = 0;
            for _ in 0..CALLS {
                let id = ids.fetch_add(1, Ordering::Relaxed);
                let status = make(&proxy, &upstream, id).await;
                served += u32::from(status == Some(StatusCode::OK));
            }
            served
        });
    }
    let served: u32 = callers.join_all().await.into_iter().sum();
    assert!(served > CALLERS * CALLS / 4, "{served}");
    // Connections that were closed meanwhile cost an idempotent call nothing.
    upstream.is_well.store(true, Ordering::Relaxed);
    for _ in 0..20 {
        let id = ids.fetch_add(1, Ordering::Relaxed);
        let request = Request::get(format!("/{id}")).body(Body::empty()).unwrap();
        assert_eq!(call(&proxy, request).await.status(), StatusCode::OK);
    }
}
