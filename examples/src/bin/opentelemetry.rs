//! The metrics of the cache, exported by OpenTelemetry.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin opentelemetry
//! ```
//!
//! It starts a server that behaves like EnKash's on a loopback port, and fetches two tokens. In place of
//! OTLP's exporter (`opentelemetry_otlp::MetricExporter`) there is one that prints the sums over all labels, but for
//! seconds, which differ in each run.

use std::{
    io::{self, Write},
    time::Duration,
};

use enkash_auth_sandbox::Sandbox;
use enkash_auth_tower::{
    BoxError, Client, Credentials, Environment, TokenCache, TokenEndpoint, User, describe_metrics,
};
use metrics_opentelemetry::{OpenTelemetryMetrics, OpenTelemetryRecorder, metrics};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::{
        PeriodicReader, SdkMeterProvider, Temporality,
        data::{AggregatedMetrics, MetricData, ResourceMetrics, ScopeMetrics},
        exporter::PushMetricExporter,
    },
};

// On one thread a fetch is counted before its waiters resume.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let provider = SdkMeterProvider::builder()
        .with_reader(PeriodicReader::builder(Printer).build())
        .build();
    let meter = OpenTelemetryMetrics::new(provider.meter("payouts"));
    metrics::set_global_recorder(OpenTelemetryRecorder::new(meter))?;
    describe_metrics();

    let sandbox = Sandbox::start().await?;
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);
    let token = tokens.token().await?;
    tokens.reject(&token);
    tokens.token().await?;
    // A service does so every few seconds: no background task does.
    tokens.record_gauges();
    provider.shutdown()?;
    Ok(())
}

struct Printer;

impl PushMetricExporter for Printer {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let mut lines = Vec::new();
        for metric in metrics.scope_metrics().flat_map(ScopeMetrics::metrics) {
            let total = match metric.data() {
                AggregatedMetrics::U64(MetricData::Sum(sum)) => {
                    sum.data_points().map(|point| point.value() as f64).sum()
                }
                AggregatedMetrics::F64(MetricData::Gauge(gauge)) => {
                    gauge.data_points().map(|point| point.value()).sum()
                }
                _ => f64::NAN,
            };
            if metric.unit() != "s" {
                lines.push(format!("{} {total}\n", metric.name()));
            }
        }
        lines.sort();
        let _ = io::stdout().write_all(lines.concat().as_bytes());
        Ok(())
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}
