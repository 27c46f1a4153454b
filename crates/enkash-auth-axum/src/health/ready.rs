use axum::{Json, extract::State};
use enkash_auth_tower::TokenCache;
use http::StatusCode;

use super::Report;

/// Answers 200 while requests can be served, 503 otherwise, with the [`Report`] as JSON.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use enkash_auth_axum::tower::TokenCache;
///
/// fn probes(tokens: TokenCache) -> Router {
///     Router::new()
///         .route("/-/ready", get(enkash_auth_axum::ready))
///         .with_state(tokens)
/// }
/// ```
pub async fn ready(State(tokens): State<TokenCache>) -> (StatusCode, Json<Report>) {
    let report = Report::new(&tokens.status());
    let status = if report.is_ready() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report))
}
