//! What a call leaves behind: its id, a line in the access log, a count.

use std::{collections::BTreeSet, time::Duration};

use enkash_auth_sandbox::{Endpoint, Fault, Rules};
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::sleep,
};

use super::{
    process::Sidecar,
    requests::{FullResponse, get},
    stage::{Dialect, Stage, command, issuer, sandbox},
};

async fn logging(to: &str) -> Stage {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--access-log", to, "--admin", "127.0.0.1:0"]);
    Stage::with_command(sandbox, command).await
}

async fn call(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> FullResponse {
    let mut request = Request::get(stage.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    stage.send(request.body(Full::default()).unwrap()).await
}

/// Returns the lines of the access log.
fn lines(output: &str) -> Vec<Value> {
    let json = output.lines().filter(|line| line.starts_with('{'));
    json.map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn access_log_has_one_line_per_call_without_query() {
    for to in ["stdout", "stderr"] {
        let stage = logging(to).await;
        let id = [("x-request-id", "a-1")];
        call(&stage, "/api/v0/cards?pan=4111", &id).await;
        call(&stage, "/api/v0/cards", &[("host", "evil.example")]).await;
        let output = stage.sidecar.kill().await;

        let mut lines = lines(&output);
        let declined = lines.pop().unwrap();
        let mut served = lines.pop().unwrap();
        assert_eq!(lines, [Value::Null; 0], "{to}");
        for measured in ["response_ms", "duration_ms"] {
            assert!(served[measured].take().as_f64().unwrap() > 0.0);
        }
        let time = served["time"].take();
        assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
        let expected = json!({
            "time": null, "request_id": "a-1", "method": "GET", "path": "/api/v0/cards", "status": 200,
            "forwarded": true, "response_ms": null, "duration_ms": null,
        });
        assert_eq!(served, expected);
        assert_eq!(
            (&declined["status"], &declined["forwarded"]),
            (&json!(421), &json!(false))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_log_is_off_and_without_probes() {
    let stage = Stage::new().await;
    stage.get("/api/v0/any").await;
    assert_eq!(lines(&stage.sidecar.kill().await), [Value::Null; 0]);

    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--access-log", "stdout"]);
    let stage = Stage::with_command(sandbox, command).await;
    for path in ["/-/live", "/-/ready", "/-/status", "/-/metrics", "/-/"] {
        stage.get(path).await;
    }
    assert_eq!(lines(&stage.sidecar.kill().await), [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn access_log_has_call_that_its_caller_left() {
    let stage = logging("stdout").await;
    stage.until_served().await;
    stage.issuer().order(Fault::Hang.at(Endpoint::Api));
    let request = Request::get(stage.url("/api/v0/left"));
    let call = stage
        .client()
        .request(request.body(Full::default()).unwrap());
    let left = tokio::time::timeout(Duration::from_millis(500), call).await;
    assert!(left.is_err(), "it is in flight");
    drop(left);
    // The client closes its connection.
    let metrics = || async { get_admin(&stage.sidecar, "/-/metrics").await };
    while !metrics().await.contains("calls_total{status=\"none\"} 1") {
        sleep(Duration::from_millis(20)).await;
    }
    let output = stage.sidecar.kill().await;
    let line = lines(&output).pop().unwrap();
    assert_eq!(line["path"], "/api/v0/left");
    assert_eq!(
        (&line["status"], &line["forwarded"]),
        (&Value::Null, &json!("unknown"))
    );
}

/// It may have been forwarded, and its caller gets no response.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn access_log_has_call_that_the_end_aborts() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--access-log", "stdout", "--drain-timeout", "100ms"]);
    let stage = Stage::with_command(sandbox, command).await;
    stage.until_served().await;
    let calls = stage.issuer().counters().api_calls;
    stage.issuer().order(Fault::Hang.at(Endpoint::Api));
    let request = Request::post(stage.url("/api/v0/aborted")).body(Full::default());
    let call = tokio::spawn(stage.client().request(request.unwrap()));
    while stage.issuer().counters().api_calls == calls {
        sleep(Duration::from_millis(5)).await;
    }
    stage.sidecar.terminate();
    let (status, output) = stage.sidecar.wait().await;
    assert_eq!(status.code(), Some(0));
    assert!(call.await.unwrap().is_err());
    let line = lines(&output).pop().unwrap();
    assert_eq!(
        (&line["path"], &line["status"], &line["forwarded"]),
        (&json!("/api/v0/aborted"), &Value::Null, &json!("unknown"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn log_has_class_of_failed_call() {
    let issuer = issuer(Rules::new());
    issuer.set_outage(true);
    let stage = Stage::with_issuer(issuer).await;
    let response = call(&stage, "/api/v0/any", &[]).await;
    assert_eq!(response.json()["class"], "unavailable");
    let output = stage.sidecar.kill().await;
    let mut lines = output.lines().filter(|line| line.contains("call failed"));
    let line = lines.next().unwrap();
    assert!(line.contains("class=\"unavailable\""), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn request_id_of_caller_is_passed_on_and_echoed() {
    let stage = Stage::new().await;
    let longest = "x".repeat(128);
    for id in ["7f3c9a", "Root=1-67891233-abc:~/+@", &longest] {
        let response = call(&stage, "/api/v0/any", &[("x-request-id", id)]).await;
        assert_eq!(response.head.headers()["x-request-id"], id);
        assert_eq!(response.json()["headers"]["x-request-id"][0], id);
    }
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn request_id_is_generated_if_absent_or_unusable() {
    let stage = Stage::new().await;
    let too_long = "x".repeat(129);
    let mut ids = BTreeSet::new();
    for sent in [
        &[][..],
        &[("x-request-id", "")],
        &[("x-request-id", "a b")],
        &[("x-request-id", "\"<script>")],
        &[("x-request-id", &too_long)],
        &[("x-request-id", "one"), ("x-request-id", "two")],
        // Also where nothing is forwarded.
        &[("host", "evil.example")],
    ] {
        let response = call(&stage, "/api/v0/any", sent).await;
        let id = response.head.headers()["x-request-id"].to_str().unwrap();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if response.status == StatusCode::OK {
            assert_eq!(
                response.json()["headers"]["x-request-id"][0],
                id,
                "{sent:?}"
            );
        }
        ids.insert(id.to_owned());
    }
    assert_eq!(ids.len(), 7, "each is another");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn traceparent_is_passed_on() {
    let stage = Stage::new().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let sent = [("traceparent", parent), ("tracestate", "vendor=1")];
    let response = call(&stage, "/api/v0/any", &sent).await;
    assert_eq!(response.json()["headers"]["traceparent"][0], parent);
    assert_eq!(response.json()["headers"]["tracestate"][0], "vendor=1");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warnings_beyond_limit_are_counted() {
    let stage = Stage::new().await;
    for _ in 0..50 {
        let declined = call(&stage, "/", &[("host", "evil.example")]).await;
        assert_eq!(declined.status, StatusCode::MISDIRECTED_REQUEST);
    }
    // Longer than a period of 5 s, after which they are counted.
    sleep(Duration::from_secs(7)).await;
    let output = stage.sidecar.kill().await;
    let written = output.matches("request declined").count();
    let left_out = output.split("left_out=").skip(1).map(|rest| {
        let digits = rest.split(|char: char| !char.is_ascii_digit()).next();
        digits.unwrap().parse::<usize>().unwrap()
    });
    assert_eq!(written + left_out.sum::<usize>(), 50);
    assert!((10..=30).contains(&written), "{written}");
}

async fn get_admin(sidecar: &Sidecar, path: &str) -> String {
    let url = format!("http://{}{path}", sidecar.admin());
    let request = Request::get(url).body(Full::default()).unwrap();
    let response = super::requests::client().request(request).await;
    String::from_utf8(FullResponse::read(response).await.body.into()).unwrap()
}

/// Returns the names of metrics in `text`, without the suffixes of a histogram.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| letter != '_' && !letter.is_ascii_alphanumeric());
    let names = words
        .filter(|word| word.starts_with("enkash_auth_") || word.starts_with("enkash_sidecar_"));
    names
        .map(|name| {
            let suffixes = ["_bucket", "_sum", "_count"];
            let found = suffixes.iter().find_map(|suffix| name.strip_suffix(suffix));
            found.unwrap_or(name)
        })
        .collect()
}

/// Returns the metrics of a sidecar that has seen calls, a rejected token and a store that is down.
async fn scraped() -> String {
    let stage = logging("off").await;
    stage.until_served().await;
    stage.issuer().revoke_all();
    stage.until_served().await;
    let mut text = get_admin(&stage.sidecar, "/-/metrics").await;

    let mut command = command(&stage.sandbox, Dialect::Form);
    command.args(["--admin", "127.0.0.1:0"]);
    command.env("ENKASH_TOKEN_STORE", "redis://127.0.0.1:1");
    let without_store = Sidecar::start(command).await;
    get(&without_store, "/api/v0/any").await;
    text += &get_admin(&without_store, "/-/metrics").await;
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_have_names_of_alerts_and_dashboard() {
    let scraped = scraped().await;
    let served: BTreeSet<_> = names(&scraped);
    for (file, used) in [
        ("alerts.yml", include_str!("../../../../docs/alerts.yml")),
        (
            "grafana.json",
            include_str!("../../../../docs/grafana.json"),
        ),
    ] {
        let unknown: Vec<_> = names(used).difference(&served).copied().collect();
        assert_eq!(unknown, [""; 0], "{file}");
    }
    let dashboard = include_str!("../../../../docs/grafana.json");
    let shown = names(dashboard);
    let hidden: Vec<_> = served.difference(&shown).collect();
    assert_eq!(hidden, [&""; 0], "every metric is on the dashboard");
    // What the alert of slow fetches needs.
    assert!(scraped.contains("enkash_auth_fetch_duration_seconds_bucket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_calls_durations_and_connections() {
    let stage = logging("off").await;
    stage.until_served().await;
    call(&stage, "/", &[("host", "evil.example")]).await;
    let text = get_admin(&stage.sidecar, "/-/metrics").await;
    for line in [
        "enkash_sidecar_calls_total{status=\"2xx\"} 1",
        "enkash_sidecar_calls_total{status=\"4xx\"} 1",
        "enkash_sidecar_calls_total{status=\"5xx\"} 0",
        "enkash_sidecar_call_duration_seconds_count 2",
        "enkash_auth_token_requests_total{",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    // Of the token server and the upstream at least: a client may open one that it does not need.
    for (name, least) in [
        ("connections", 1.0),
        ("upstream_connections", 1.0),
        ("upstream_connections_total", 2.0),
    ] {
        let name = format!("enkash_sidecar_{name} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        assert!(line.unwrap().parse::<f64>().unwrap() >= least, "{name}");
    }
    stage.finish().await;
}

/// A server may invent some.
#[tokio::test(flavor = "multi_thread")]
async fn status_above_599_counts_as_5xx() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 8192]).await.unwrap() > 0);
        let response = b"HTTP/1.1 799 Odd\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(response).await.unwrap();
    });
    let sandbox = sandbox(issuer(Rules::new())).await;
    let mut command = command(&sandbox, Dialect::Form);
    command.args(["--admin", "127.0.0.1:0", "--upstream", &upstream]);
    let stage = Stage::with_command(sandbox, command).await;
    assert_eq!(call(&stage, "/", &[]).await.status, 799);
    let text = get_admin(&stage.sidecar, "/-/metrics").await;
    let line = "enkash_sidecar_calls_total{status=\"5xx\"} 1";
    assert!(text.contains(line), "{text}");
    stage.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs promtool"]
async fn metrics_pass_promtool() {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    let stage = logging("off").await;
    stage.until_served().await;
    let text = get_admin(&stage.sidecar, "/-/metrics").await;
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = check.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
