use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use axum::response::Response;
use clap::ValueEnum;
use enkash_auth_axum::Forwarded;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use metrics::{Histogram, counter, describe_counter, describe_histogram, histogram};
use serde_json::json;
use tokio::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest request id that is accepted, in bytes.
const MAX_ID: usize = 128;

const CALLS: &str = "enkash_sidecar_calls_total";
pub(crate) const CALL_DURATION: &str = "enkash_sidecar_call_duration_seconds";

/// What the first digit of a status stands for. Without one, the caller left before there was a response.
const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Where the access log goes.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AccessLog {
    Off,
    Stdout,
    Stderr,
}

/// Counts, times and logs calls: what is forwarded, or declined. Other requests, such as probes, are none.
pub(crate) struct Calls {
    log: AccessLog,
    by_class: [AtomicU64; CLASSES.len()],
    duration: Histogram,
}

impl Calls {
    /// Creates the counters, after the recorder of `metrics` was installed.
    pub(crate) fn new(log: AccessLog) -> Arc<Self> {
        describe_counter!(CALLS, "calls by class of status; none: the caller left");
        describe_histogram!(CALL_DURATION, "how long the response to a call took");
        Arc::new(Self {
            log,
            by_class: Default::default(),
            duration: histogram!(CALL_DURATION),
        })
    }

    /// Begins a call, unless [`SeenCall::respond`] finds that it is none. Assigns an id to the request.
    pub(crate) fn begin<B>(self: &Arc<Self>, request: &mut Request<B>) -> SeenCall {
        let id = assign_id(request.headers_mut());
        let is_logged = !matches!(self.log, AccessLog::Off);
        let (method, path) = (request.method(), request.uri().path());
        SeenCall {
            calls: Arc::clone(self),
            id,
            line: is_logged.then(|| (method.to_string(), path.to_owned())),
            began: Instant::now(),
            response: None,
            forwarded: Some(Forwarded::Unknown),
        }
    }

    /// Returns how many calls of each class there were.
    pub(crate) fn by_class(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.by_class.iter().map(|count| count.load(Relaxed));
        CLASSES.into_iter().zip(counts)
    }

    /// Sets the metrics of what is counted here.
    pub(crate) fn record(&self) {
        for (class, count) in self.by_class() {
            counter!(CALLS, "status" => class).absolute(count);
        }
    }

    fn write(&self, mut line: String) -> io::Result<()> {
        line.push('\n');
        match self.log {
            AccessLog::Off => Ok(()),
            AccessLog::Stdout => io::stdout().write_all(line.as_bytes()),
            AccessLog::Stderr => io::stderr().write_all(line.as_bytes()),
        }
    }
}

/// A call in flight. It is counted, and logged, when it is dropped.
pub(crate) struct SeenCall {
    calls: Arc<Calls>,
    id: HeaderValue,
    /// The method, and the path without its query, if there is a log.
    line: Option<(String, String)>,
    began: Instant,
    response: Option<(StatusCode, Duration)>,
    /// Whether the request was forwarded; `None` if it is not a call.
    forwarded: Option<Forwarded>,
}

impl SeenCall {
    /// Takes note of the response, and returns the id to the caller with it.
    pub(crate) fn respond(&mut self, response: &mut Response) {
        self.response = Some((response.status(), self.began.elapsed()));
        self.forwarded = response.extensions().get().copied();
        let id = self.id.clone();
        response.headers_mut().insert(REQUEST_ID, id);
    }
}

impl Drop for SeenCall {
    fn drop(&mut self) {
        let Some(forwarded) = &self.forwarded else {
            return;
        };
        let class = self.response.map_or(0, |(status, after)| {
            self.calls.duration.record(after);
            // Those above 599 count as such of the server (RFC 9110 section 15).
            usize::from(status.as_u16() / 100).min(CLASSES.len() - 1)
        });
        if let Some(count) = self.calls.by_class.get(class) {
            count.fetch_add(1, Relaxed);
        }
        let Some((method, path)) = &self.line else {
            return;
        };
        let millis = |time: Duration| time.as_micros() as f64 / 1_000.0;
        #[expect(clippy::disallowed_methods, reason = "it decides nothing")]
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let line = json!({
            "time": now.to_string(),
            "request_id": self.id.to_str().unwrap_or_default(),
            "method": method,
            "path": path,
            "status": self.response.map(|(status, _)| status.as_u16()),
            "forwarded": forwarded,
            "response_ms": self.response.map(|(_, after)| millis(after)),
            "duration_ms": millis(self.began.elapsed()),
        });
        // A log that cannot be written must not fail a call.
        let _ = self.calls.write(line.to_string());
    }
}

/// Returns the id that a request has, or a new one if it has none that can be used, or several. From then on, the
/// request has that one.
fn assign_id(headers: &mut HeaderMap) -> HeaderValue {
    let mut sent = headers.get_all(REQUEST_ID).iter();
    let id = match (sent.next(), sent.next()) {
        (Some(id), None) if is_usable(id.as_bytes()) => id.clone(),
        _ => {
            let id = format!("{:032x}", fastrand::u128(..));
            HeaderValue::try_from(id).unwrap_or_else(|_| HeaderValue::from_static("0"))
        }
    };
    headers.insert(REQUEST_ID, id.clone());
    id
}

/// Returns whether an id can stand in a log, a header and a URL as it is.
fn is_usable(id: &[u8]) -> bool {
    let is_usable = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:/+=@".contains(byte);
    (1..=MAX_ID).contains(&id.len()) && id.iter().all(is_usable)
}
