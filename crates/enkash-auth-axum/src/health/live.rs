use http::StatusCode;

/// Answers 200 for as long as the process answers at all.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
///
/// let app: Router = Router::new().route("/-/live", get(enkash_auth_axum::live));
/// ```
pub async fn live() -> StatusCode {
    StatusCode::OK
}
