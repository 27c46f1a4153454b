use std::time::Duration;

use axum::{
    BoxError, Json, Router,
    error_handling::HandleErrorLayer,
    extract::{FromRef, State},
    routing::{get, post},
};
use enkash_auth_axum::{CurrentToken, Forwarded, Problem, health};
use enkash_auth_tower::TokenCache;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tower::{
    ServiceBuilder, limit::GlobalConcurrencyLimitLayer, load_shed, load_shed::LoadShedLayer,
    timeout::TimeoutLayer,
};

use crate::api::Api;

/// The state of the handlers.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) tokens: TokenCache,
    pub(crate) api: Api,
}

/// For the extractor.
impl FromRef<App> for TokenCache {
    fn from_ref(app: &App) -> Self {
        app.tokens.clone()
    }
}

#[derive(Debug, Deserialize, Serialize)]
struct Order {
    amount: u64,
}

/// Returns the service: its handlers, and around the payout handler the limits, whose errors also become
/// problem documents.
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
        .merge(health::router(app.tokens.clone()))
        .with_state(app)
}

/// Makes a payout. The question mark converts errors of the API's stack to problems.
async fn pay(
    State(app): State<App>,
    Json(order): Json<Order>,
) -> Result<(StatusCode, Json<Order>), Problem> {
    let status = app.api.pay(&order).await?;
    if !status.is_success() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown);
        return Err(problem.detail(format!("the API returned {status}")));
    }
    Ok((StatusCode::CREATED, Json(order)))
}

/// Returns the generation of the cached token, as a handler that passes the token on by other means.
async fn generation(CurrentToken(token): CurrentToken) -> String {
    token.generation().to_string()
}

async fn over_a_limit(error: BoxError) -> Problem {
    if error.is::<load_shed::error::Overloaded>() {
        // Declined before it reached the handler, so nothing was sent.
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, Forwarded::No)
            .detail("too many payouts at once")
            .retry_after(Duration::from_secs(1));
    }
    Problem::from(error)
}
