//! Responses that repeat the token.

use axum::body::{Body, Bytes};
use enkash_auth_axum::ProxyBody;
use enkash_auth_tower::BoxError;
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;

use crate::support::{call, get, proxy_over};

/// Returns what the caller sees of an upstream's response: headers and body. `{}` stands for the token.
async fn seen(
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> (HeaderMap, String) {
    let (headers, body) = (headers.to_vec(), body.to_owned());
    let proxy = proxy_over(tower::service_fn(move |request: Request<ProxyBody>| {
        let token = request.headers()["authorization"].to_str().unwrap();
        let token = token.strip_prefix("Bearer ").unwrap();
        let mut response = Response::builder().status(status);
        for (name, value) in &headers {
            response = response.header(*name, value.replace("{}", token));
        }
        let body = body.replace("{}", token);
        let length = body.len();
        // In pieces of three bytes.
        let pieces = body.into_bytes();
        let pieces = pieces
            .chunks(3)
            .map(|piece| Ok::<_, BoxError>(Bytes::copy_from_slice(piece)));
        let pieces = stream::iter(pieces.collect::<Vec<_>>());
        let response = response.header("content-length", length);
        let response = response.body(Body::from_stream(pieces)).unwrap();
        async { Ok(response) }
    }));
    let response = call(&proxy, get("/")).await;
    assert_eq!(response.status(), status);
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.headers, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn token_is_masked_in_a_401() {
    let challenge = [(
        "www-authenticate",
        r#"Bearer error_description="Invalid access token: {}""#,
    )];
    let (headers, body) = seen(
        401,
        &challenge,
        r#"{"error":"invalid_token","is":["{}","{}"]}"#,
    )
    .await;
    let masked = headers["www-authenticate"].to_str().unwrap();
    let masked = masked
        .strip_prefix(r#"Bearer error_description="Invalid access token: "#)
        .unwrap();
    let masked = masked.strip_suffix('"').unwrap();
    assert!(
        masked.len() > 10 && masked.bytes().all(|byte| byte == b'*'),
        "{masked}"
    );
    let expected = format!(r#"{{"error":"invalid_token","is":["{masked}","{masked}"]}}"#);
    assert_eq!(body, expected);
    assert_eq!(headers["content-length"], body.len().to_string());
}

#[tokio::test]
async fn unsearchable_401_is_left_out() {
    let (headers, body) = seen(401, &[("content-encoding", "gzip")], "{}").await;
    assert_eq!(body, "");
    assert!(!headers.contains_key("content-encoding") && !headers.contains_key("content-length"));
    let (headers, body) = seen(401, &[], &"x".repeat(64 * 1024 + 1)).await;
    assert_eq!(body, "");
    assert!(!headers.contains_key("content-length"));
}

#[tokio::test]
async fn other_responses_are_not_changed() {
    let text = r#"{"error":"access_denied"}"#;
    let (headers, body) = seen(401, &[("etag", "a")], text).await;
    assert_eq!(
        (body.as_str(), &headers["etag"]),
        (text, &"a".parse().unwrap())
    );
    let (headers, body) = seen(403, &[("content-encoding", "gzip")], "zipped").await;
    assert_eq!(body, "zipped");
    assert_eq!(headers["content-encoding"], "gzip");
}

/// A length that describes a body which is not there.
#[tokio::test]
async fn length_of_a_401_to_head_is_kept() {
    let proxy = proxy_over(tower::service_fn(async |_: Request<ProxyBody>| {
        let response = Response::builder()
            .status(401)
            .header("content-length", "40");
        Ok::<_, BoxError>(response.body(Body::empty()).unwrap())
    }));
    let head = Request::head("/").body(Body::empty()).unwrap();
    let response = call(&proxy, head).await;
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["content-length"], "40");
}
