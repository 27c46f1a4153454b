//! Requests of web pages are declined.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;

use super::stage::Stage;

async fn status(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> StatusCode {
    let mut request = Request::post(stage.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = stage
        .send(request.body(Full::<Bytes>::default()).unwrap())
        .await;
    if response.status.is_client_error() {
        assert_eq!(response.forwarded(), false);
    }
    response.status
}

#[tokio::test(flavor = "multi_thread")]
async fn web_page_requests_are_declined() {
    let stage = Stage::new().await;
    let address = stage.sidecar.address();
    let own = format!("http://{address}");
    let localhost = format!("localhost:{}", address.port());
    for (headers, expected) in [
        (vec![], 200),
        (vec![("host", localhost.as_str())], 200),
        (vec![("origin", own.as_str())], 200),
        (vec![("sec-fetch-site", "same-origin")], 200),
        (vec![("sec-fetch-site", "none")], 200),
        (vec![("origin", "http://evil.example")], 403),
        (vec![("origin", "http://127.0.0.1:1")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", own.as_str()), ("origin", "null")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("host", "evil.example")], 421),
        (vec![("host", "127.0.0.1:1")], 421),
        (vec![("host", "")], 421),
    ] {
        assert_eq!(
            status(&stage, "/api/v0/any", &headers).await,
            expected,
            "{headers:?}"
        );
    }
    assert_eq!(stage.issuer().counters().api_calls, 5);
    let rebound = [("host", "evil.example")];
    assert_eq!(
        status(&stage, "/-/status", &rebound).await,
        421,
        "the status is not visible either"
    );
    stage.finish().await;
}
