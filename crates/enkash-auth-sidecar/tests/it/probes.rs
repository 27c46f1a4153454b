//! The probe endpoints of the sidecar.

use std::time::Duration;

use enkash_auth_sandbox::Rules;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};

use super::stage::{Stage, issuer};

#[tokio::test(flavor = "multi_thread")]
async fn probes_report_cold_and_warm_cache() {
    let stage = Stage::with_rules(Rules::new().delay(Duration::from_millis(500))).await;
    assert_eq!(stage.get("/-/live").await.status, StatusCode::OK);
    let ready = stage.get("/-/ready").await;
    assert_eq!(ready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready.json()["state"], "fetching", "it warms up by itself");

    stage.until_served().await;
    assert_eq!(stage.get("/-/ready").await.status, StatusCode::OK);
    let mut report = stage.get("/-/status").await.json();
    let left = report["remaining_seconds"].take().as_u64().unwrap();
    assert!((86_000..86_400).contains(&left), "{left}");
    // Calls before the first token fail, or wait.
    let (failed, lifetime) = (&report["calls"]["5xx"], &report["lifetime_seconds"]);
    assert_eq!(
        report,
        json!({
            "state": "ready",
            "remaining_seconds": null,
            "token_requests": 1,
            "strikes": 0,
            "unresolved_attempts": 0,
            "last_error": null,
            "advice": null,
            "lifetime_seconds": lifetime,
            "waiting": 0,
            "calls": { "none": 0, "1xx": 0, "2xx": 1, "3xx": 0, "4xx": 0, "5xx": failed },
            "store": "memory",
            "version": env!("CARGO_PKG_VERSION"),
        })
    );
    assert_eq!(
        stage.issuer().counters().api_calls,
        1,
        "its own paths go nowhere"
    );
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_is_reported_to_callers_and_probes() {
    let issuer = issuer(Rules::new());
    issuer.set_outage(true);
    let stage = Stage::with_issuer(issuer).await;
    let response = stage.get("/api/v0/any").await;
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(response.head.headers().contains_key("retry-after"));
    assert_eq!(response.json()["class"], "unavailable");
    let report = stage.get("/-/status").await.json();
    assert_eq!(report["last_error"], "unavailable");
    assert_eq!(report["remaining_seconds"], Value::Null);
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_get_requests_reach_probes() {
    let stage = Stage::new().await;
    let request = Request::post(stage.url("/-/status")).body(Full::default());
    let response = stage.send(request.unwrap()).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.json()["path"], "/-/status", "the upstream's echo");
    let headers = response.head.headers();
    assert!(!headers.contains_key("allow"), "nothing of ours in it");
    stage.finish().await;
}
