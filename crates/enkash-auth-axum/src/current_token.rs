use axum::extract::{FromRef, FromRequestParts};
use enkash_auth_tower::{AccessToken, TokenCache};
use http::request::Parts;

use crate::Problem;

/// Extracts a usable token: the cached one, or the one that is being fetched.
///
/// For a handler that passes the token on by other means than a client with the layer. The state is a
/// [`TokenCache`], or provides one ([`FromRef`]). The token is valid for
/// [some time](AccessToken::remaining): extract it when it is used, and do not store it.
///
/// # Errors
///
/// If there is no token, the caller receives a [`Problem`] with the reason.
///
/// # Cancel safety
///
/// If the caller disconnects, the fetch continues for other callers.
///
/// # Examples
///
/// ```
/// use axum::{Router, extract::FromRef, routing::get};
/// use enkash_auth_axum::{CurrentToken, TokenCache, health};
///
/// #[derive(Clone)]
/// struct App {
///     tokens: TokenCache,
///     greeting: &'static str,
/// }
///
/// impl FromRef<App> for TokenCache {
///     fn from_ref(app: &App) -> Self {
///         app.tokens.clone()
///     }
/// }
///
/// async fn which(CurrentToken(token): CurrentToken) -> String {
///     format!("token {} is cached", token.generation())
/// }
///
/// fn router(app: App) -> Router {
///     Router::new()
///         .route("/which", get(which))
///         .merge(health::router(app.tokens.clone()))
///         .with_state(app)
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "extractors are destructured")]
pub struct CurrentToken(pub AccessToken);

impl<S> FromRequestParts<S> for CurrentToken
where
    TokenCache: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = TokenCache::from_ref(state).token().await?;
        Ok(Self(token))
    }
}
