use axum::{Json, extract::State};
use enkash_auth_tower::TokenCache;

use super::Report;

/// Answers 200 with the [`Report`] as JSON.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use enkash_auth_axum::tower::TokenCache;
///
/// fn probes(tokens: TokenCache) -> Router {
///     Router::new()
///         .route("/-/status", get(enkash_auth_axum::status))
///         .with_state(tokens)
/// }
/// ```
pub async fn status(State(tokens): State<TokenCache>) -> Json<Report> {
    Json(Report::new(&tokens.status()))
}
