//! Parsing token responses: each documented shape, and responses without a token.
//!
//! ```sh
//! cargo bench -p enkash-auth-benches --bench response
//! ```

use std::hint::black_box;

use criterion::Criterion;
use enkash_auth_benches::request::token;
use enkash_auth_core::{Client, Credentials, ResponseBody, Timestamp, TokenResponse, User};
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, DATE},
};

fn main() {
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("response");
    for (name, status, kind, body) in shapes() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let date = "Thu, 01 Jan 2026 12:00:00 GMT";
        headers.insert(DATE, HeaderValue::from_static(date));
        let response = TokenResponse::new(status, headers, ResponseBody::Complete(body.into()));
        let sent = Timestamp::new(0, 1_767_268_800_000_000_000);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(&response).read(sent, &credentials, false).is_ok());
        });
    }
    group.finish();
    criterion.final_summary();
}

/// Returns name, status, content type and body of each shape.
fn shapes() -> [(&'static str, StatusCode, &'static str, String); 7] {
    let token = token(0);
    let json = "application/json;charset=UTF-8";
    let shape_a = format!(
        r#"{{"token":"{token}","expiry":1767355200000,"resultCode":200,"resultMessage":"Success"}}"#
    );
    let shape_b = format!(
        r#"{{"access_token":"{token}","token_type":"bearer","refresh_token":"{token}","expires_in":86399,"scope":"read write trust"}}"#
    );
    let shape_c = format!(
        r#"{{"accessToken":"{token}","tokenType":"bearer","refreshToken":"{token}","expiresIn":86399}}"#
    );
    let envelope = format!(r#"{{"response_code":0,"response_message":"OK","payload":{shape_a}}}"#);
    let rejection = r#"{"error":"invalid_grant","error_description":"Bad credentials"}"#;
    let block_page = format!(
        "<!DOCTYPE html><html>{}</html>",
        "<p>blocked</p>".repeat(400)
    );
    let large = format!(
        r#"{{"access_token":"{}"}}"#,
        "x".repeat(TokenResponse::MAX_BODY - 20)
    );
    [
        ("token_and_expiry", StatusCode::OK, json, shape_a),
        ("snake_case", StatusCode::OK, json, shape_b),
        ("camel_case", StatusCode::OK, json, shape_c),
        ("envelope", StatusCode::OK, json, envelope),
        (
            "rejection",
            StatusCode::BAD_REQUEST,
            json,
            rejection.to_owned(),
        ),
        ("block_page", StatusCode::FORBIDDEN, "text/html", block_page),
        ("largest", StatusCode::OK, json, large),
    ]
}
