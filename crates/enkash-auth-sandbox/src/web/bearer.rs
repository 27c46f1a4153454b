//! Who may call an API path.

use axum::response::Response;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;

use super::answer::respond;
use crate::issuer::{Bearer, Issuer};

/// The answer to a call that has no valid bearer token; `None` lets it in.
///
/// The refusal repeats the token in its text, as the real family's does.
pub(crate) fn refusal(issuer: &Issuer, headers: &HeaderMap) -> Option<Response> {
    let Some(token) = token(headers) else {
        return Some(refuse(
            "Full authentication is required to access this resource",
        ));
    };
    match issuer.bearer(token) {
        Bearer::Valid => None,
        Bearer::Expired => Some(refuse(&format!("Access token expired: {token}"))),
        Bearer::Unknown => Some(refuse(&format!("Invalid access token: {token}"))),
    }
}

/// The token of the one `Authorization` header; with two of them it is nobody's.
fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refuse(description: &str) -> Response {
    let body = json!({ "error": "invalid_token", "error_description": description });
    let mut response = respond(StatusCode::UNAUTHORIZED, &body);
    let quoted = description.replace('\\', r"\\").replace('"', r#"\""#);
    let challenge = format!(
        r#"Bearer realm="oauth2-resource", error="invalid_token", error_description="{quoted}""#
    );
    if let Ok(challenge) = HeaderValue::from_str(&challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
