use axum::Router;
use axum::extract::State;
use axum::middleware;
use axum::response::Response;
use axum::routing::{any, post};
use http::HeaderValue;
use http::header::DATE;

use super::{api, control, token};
use crate::issuer::Issuer;

/// Creates an axum router for the issuer: both token endpoints, the control API, and guarded API paths
/// everywhere else.
///
/// For an application that mounts it beside its own routes. For a test without a socket, prefer
/// [`SandboxService`](crate::SandboxService), which can also fail like a connection: here, a fault that
/// closes the connection without a response sends a head, and a body that fails.
///
/// # Examples
///
/// ```
/// use axum::http::{Request, StatusCode};
/// use enkash_auth_sandbox::{Issuer, router};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let request = Request::get("/api/v0/cards").body(String::new()).unwrap();
/// let response = router(Issuer::default()).oneshot(request).await.unwrap();
/// assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
/// # }
/// ```
pub fn router(issuer: Issuer) -> Router {
    Router::new()
        .route("/oauth/token", post(token::form))
        .route("/api/v0/merchant/token", post(token::merchant))
        .nest("/-/sandbox", control::routes())
        .route("/-/sandbox/", any(control::unknown))
        .fallback(api::call)
        .layer(middleware::map_response_with_state(issuer.clone(), date))
        .with_state(issuer)
}

/// Adds the `Date` header, by the issuer's clock.
async fn date(State(issuer): State<Issuer>, mut response: Response) -> Response {
    let date = httpdate::fmt_http_date(issuer.clock().now());
    if issuer.rules().date_header
        && let Ok(date) = HeaderValue::from_str(&date)
    {
        response.headers_mut().insert(DATE, date);
    }
    response
}
