use std::time::Duration;

use axum::{
    BoxError, Json, Router,
    error_handling::HandleErrorLayer,
    extract::{FromRef, State},
    routing::{get, post},
};
use enkash_auth_axum::{CurrentToken, Forwarded, Problem, live, ready, status};
use enkash_auth_tower::TokenCache;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tower::{
    ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed, load_shed::LoadShedLayer,
    timeout::TimeoutLayer,
};

use crate::api::Api;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) tokens: TokenCache,
    pub(crate) api: Api,
}

/// For the extractor and the probes.
impl FromRef<App> for TokenCache {
    fn from_ref(app: &App) -> Self {
        app.tokens.clone()
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Order {
    amount: u64,
}

/// The service: its handlers, and around the one that pays the limits whose errors are problem
/// documents as well.
pub(crate) fn router(app: App) -> Router {
    let limits = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(over_a_limit))
        .layer(LoadShedLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(256))
        .layer(TimeoutLayer::new(Duration::from_secs(3)));
    Router::new()
        .route("/payouts", post(pay))
        .layer(limits)
        .route("/generation", get(generation))
        .route("/-/live", get(live))
        .route("/-/ready", get(ready))
        .route("/-/status", get(status))
        .with_state(app)
}

/// Pays out. What the stack of the API fails with becomes a problem by the question mark.
async fn pay(
    State(app): State<App>,
    Json(order): Json<Order>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let answered = app.api.pay(&order).await?;
    if !answered.is_success() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown);
        return Err(problem.detail(format!("the API answered {answered}")));
    }
    Ok((StatusCode::CREATED, Json(order)))
}

/// Which token is held; a handler that passes it on by other means takes it like this.
async fn generation(CurrentToken(token): CurrentToken) -> String {
    token.generation().to_string()
}

async fn over_a_limit(error: BoxError) -> Problem {
    if error.is::<load_shed::error::Overloaded>() {
        // Turned away before the handler saw it: nothing can have left.
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::No)
            .detail("too many payouts at once")
            .retry_after(Duration::from_secs(1));
    }
    Problem::from(error)
}
