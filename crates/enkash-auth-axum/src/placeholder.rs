//! What a caller's token request gets instead of a token.
//!
//! Three with wrong credentials lock the account, so none is forwarded, in whatever spelling its path is and
//! whatever the upstream. A client library that fetches a token of its own works nevertheless: the proxy replaces
//! the `Authorization` that the library makes of it.

use std::time::Duration;

use axum::{
    Extension, Json,
    body::Body,
    response::{IntoResponse, Response},
};
use enkash_auth_tower::{Clock, SystemClock};
use http::header::{CACHE_CONTROL, PRAGMA};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::problem::Forwarded;

/// What stands in place of a token.
const TOKEN: &str = "enkash-sidecar";

/// How long it lives, in seconds.
const LIFETIME: u64 = 300;

/// How much of a request's body is read, so that its connection can be used again.
const MAX_BODY: usize = 64 * 1024;

/// How long that may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Responds to a token request to `path`, in the form of its dialect. The credentials in `body` are dropped
/// piece by piece as they are read, and never copied.
pub(crate) async fn respond(path: &str, body: Body) -> Response {
    let mut body = Limited::new(body, MAX_BODY);
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // What is not read ends the connection.
    let _ = timeout(READ_TIMEOUT, read).await;
    // Unix time in milliseconds.
    let expiry = SystemClock.unix_nanos() / 1_000_000 + LIFETIME * 1_000;
    let mut response = json!({
        "token": TOKEN,
        "expiry": expiry,
        "resultCode": 0,
        "resultMessage": "Success",
    });
    // The products with a password differ in the names: these are all that are documented.
    if !path.to_ascii_lowercase().contains("merchant")
        && let Value::Object(members) = &mut response
    {
        for (snake, camel, value) in [
            ("access_token", "accessToken", json!(TOKEN)),
            ("token_type", "tokenType", json!("bearer")),
            ("refresh_token", "refreshToken", json!(TOKEN)),
            ("expires_in", "expiresIn", json!(LIFETIME)),
            ("scope", "scope", json!("read write trust")),
        ] {
            members.insert(snake.to_owned(), value.clone());
            members.insert(camel.to_owned(), value);
        }
    }
    let no_store = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    (Extension(Forwarded::No), no_store, Json(response)).into_response()
}
