use axum::{
    extract::{FromRef, FromRequestParts},
    response::{IntoResponse, Response},
};
use enkash_auth_tower::{AccessToken, AccountId, Accounts};
use http::request::Parts;

use crate::Problem;

/// Extracts a usable token of the account that the request is about, as [`CurrentToken`](crate::CurrentToken) does
/// for one account.
///
/// The id of the account is extracted first: `K` is an extractor, of a session or a path, say. The state is an
/// [`Accounts<K>`](Accounts), or provides one ([`FromRef`]).
///
/// # Errors
///
/// The rejection of `K`; or a [`Problem`] with the reason, if there is no token.
///
/// # Cancel safety
///
/// If the caller disconnects, the fetch continues for other callers.
///
/// # Examples
///
/// ```
/// use axum::{Router, extract::FromRequestParts, routing::get};
/// use enkash_auth_axum::{AccountToken, Accounts, health};
/// use http::{StatusCode, request::Parts};
///
/// #[derive(Clone, Eq, Hash, PartialEq)]
/// struct Merchant(String);
///
/// impl<S: Sync> FromRequestParts<S> for Merchant {
///     type Rejection = StatusCode;
///
///     async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
///         let name = parts.headers.get("x-merchant").and_then(|name| name.to_str().ok());
///         name.map(|name| Self(name.to_owned())).ok_or(StatusCode::BAD_REQUEST)
///     }
/// }
///
/// async fn which(AccountToken(token, _): AccountToken<Merchant>) -> String {
///     format!("token {} is cached", token.generation())
/// }
///
/// fn router(accounts: Accounts<Merchant>) -> Router {
///     Router::new()
///         .route("/which", get(which))
///         .merge(health::router(accounts.clone()))
///         .with_state(accounts)
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "extractors are destructured")]
pub struct AccountToken<K>(pub AccessToken, pub K);

impl<K, S> FromRequestParts<S> for AccountToken<K>
where
    K: AccountId + FromRequestParts<S>,
    Accounts<K>: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let id = K::from_request_parts(parts, state).await;
        let id = id.map_err(IntoResponse::into_response)?;
        let token = async { Accounts::from_ref(state).get(&id)?.token().await };
        let token = token
            .await
            .map_err(|error| Problem::from(error).into_response())?;
        Ok(Self(token, id))
    }
}
