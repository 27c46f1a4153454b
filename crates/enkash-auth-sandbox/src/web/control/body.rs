//! Bodies of orders and of their answers.

use axum::body::to_bytes;
use axum::extract::Request;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::web::answer::respond;

/// No order is larger.
const LIMIT: usize = 64 * 1024;

/// The body of an order, or what is wrong with it. Its content type is whatever `curl -d` says.
pub(crate) async fn read<T: DeserializeOwned>(request: Request) -> Result<T, String> {
    let body = to_bytes(request.into_body(), LIMIT)
        .await
        .map_err(|error| error.to_string())?;
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}

pub(crate) fn ok(body: impl Serialize) -> Response {
    respond(StatusCode::OK, &json!(body))
}

pub(crate) fn bad(why: &str) -> Response {
    respond(StatusCode::BAD_REQUEST, &json!({ "error": why }))
}
