use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    extract::State,
    response::{Html, IntoResponse},
    routing::{any, any_service},
};
use enkash_auth_axum::{Forwarded, Problem, Proxy, health::live};
use enkash_auth_tower::{describe_metrics, internal};
use http::{
    StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{
    calls::{AccessLog, CALL_DURATION, Calls},
    failure::Failure,
    log,
    slots::Slots,
    tokens::Tokens,
};

const CONNECTIONS: &str = "enkash_sidecar_connections";
const UPSTREAM_CONNECTIONS: &str = "enkash_sidecar_upstream_connections";
const UPSTREAM_CONNECTIONS_TOTAL: &str = "enkash_sidecar_upstream_connections_total";

/// The upper bounds of the buckets of histograms, in seconds: a fetch takes at most 8 s.
const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 5.0, 8.0, 30.0,
];

/// How often measured durations are condensed, and warnings that were left out are counted.
const PERIOD: Duration = Duration::from_secs(5);

const PAGE: &str = include_str!("page.html");

/// Allows the script and the style of the page, by their hashes, and its requests for the status.
const POLICY: &str = "default-src 'none'; \
    script-src 'sha256-38oSCYufb8MSNrd6uXkT43kJ4YF/3HIDZYLTWKHf434='; \
    style-src 'sha256-kN4Z5rmQRS3o7rh09LGDMFZHvwcht8rErg66NqnVkRY='; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What the sidecar shows of itself, beside the probes.
pub(crate) struct Report {
    tokens: Tokens,
    store: &'static str,
    slots: Arc<Slots>,
    calls: Arc<Calls>,
    metrics: PrometheusHandle,
    is_stopping: AtomicBool,
}

impl Report {
    /// Installs the recorder of the metrics of this process.
    pub(crate) fn new(
        tokens: Tokens,
        store: &'static str,
        slots: Arc<Slots>,
        log: AccessLog,
    ) -> Result<Arc<Self>, Failure> {
        let metrics = recorder()?;
        describe_metrics();
        describe_gauge!(CONNECTIONS, "open connections of callers to --listen");
        describe_gauge!(
            UPSTREAM_CONNECTIONS,
            "open connections to the upstream and the token server"
        );
        describe_counter!(UPSTREAM_CONNECTIONS_TOTAL, "connections opened to them");
        Ok(Arc::new(Self {
            tokens,
            store,
            slots,
            calls: Calls::new(log),
            metrics,
            is_stopping: AtomicBool::new(false),
        }))
    }

    /// Serves GET on the admin paths. The proxy, if there is one, serves everything else, including other methods
    /// of those paths.
    pub(crate) fn router(self: &Arc<Self>, proxy: Option<Proxy>) -> Router {
        // `get` with a fallback would add an `Allow` header with our methods to the upstream's responses.
        let or_forward = || match &proxy {
            Some(proxy) => any_service(proxy.clone()),
            None => any(not_found),
        };
        Router::new()
            .route("/-/", or_forward().get(page))
            .route("/-/live", or_forward().get(live))
            .route("/-/ready", or_forward().get(ready))
            .route("/-/status", or_forward().get(status))
            .route("/-/metrics", or_forward().get(metrics))
            .fallback(or_forward())
            .with_state(Arc::clone(self))
    }

    /// Makes the program unready.
    pub(crate) fn set_stopping(&self) {
        self.is_stopping.store(true, Relaxed);
    }

    pub(crate) fn calls(&self) -> &Arc<Calls> {
        &self.calls
    }

    /// Bounds what accumulates between two scrapes.
    pub(crate) async fn upkeep(self: Arc<Self>) {
        loop {
            sleep(PERIOD).await;
            self.metrics.run_upkeep();
            log::next_period();
        }
    }

    /// Returns the status as JSON, and whether requests can be served.
    fn status(&self) -> (Value, bool) {
        let (mut status, is_ready) = self.tokens.report();
        if let Value::Object(members) = &mut status {
            members.insert("advice".to_owned(), json!(self.tokens.advice()));
            members.insert("calls".to_owned(), self.calls.by_class().collect());
            members.insert("store".to_owned(), json!(self.store));
            members.insert("version".to_owned(), json!(env!("CARGO_PKG_VERSION")));
        }
        (status, is_ready)
    }
}

type Shown = State<Arc<Report>>;

/// Returns a page that shows the status.
async fn page() -> impl IntoResponse {
    let headers = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, Html(PAGE))
}

async fn ready(State(report): Shown) -> (StatusCode, Json<Value>) {
    let (status, is_ready) = match report.is_stopping.load(Relaxed) {
        true => (json!({ "state": "stopping" }), false),
        false => report.status(),
    };
    let code = match is_ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (code, Json(status))
}

async fn status(State(report): Shown) -> Json<Value> {
    Json(report.status().0)
}

/// Returns the metrics in the text format of Prometheus.
async fn metrics(State(report): Shown) -> impl IntoResponse {
    report.tokens.record_gauges();
    report.calls.record();
    gauge!(CONNECTIONS).set(report.slots.taken() as f64);
    let (opened, open) = internal::connections();
    gauge!(UPSTREAM_CONNECTIONS).set(open as f64);
    counter!(UPSTREAM_CONNECTIONS_TOTAL).absolute(opened);
    let format = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
    ([format], report.metrics.render())
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, Forwarded::No).detail("the admin listener forwards nothing")
}

fn recorder() -> Result<PrometheusHandle, BuildError> {
    let fetches = Matcher::Full("enkash_auth_fetch_duration_seconds".to_owned());
    let calls = Matcher::Full(CALL_DURATION.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(fetches, &BUCKETS)?
        .set_buckets_for_metric(calls, &BUCKETS)?
        .install_recorder()
}

#[cfg(test)]
#[path = "../tests/unit/report.rs"]
mod tests;
