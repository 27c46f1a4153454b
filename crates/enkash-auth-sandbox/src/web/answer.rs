//! What a token request is answered with.

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::choices::{Rejections, Rounding, Shape};
use crate::issuer::{Grant, Refusal};
use crate::rules::Rules;

/// The two ways to ask for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Form,
    Merchant,
}

pub(crate) fn granted(grant: &Grant, rules: &Rules, dialect: Dialect) -> Response {
    let body = success_body(grant, rules, dialect);
    let body = if rules.envelope {
        json!({
            "response_code": 0,
            "response_message": "Success",
            "payload": body,
            "errorResponse": null,
        })
    } else {
        body
    };
    respond(StatusCode::OK, &body)
}

pub(crate) fn refused(refusal: &Refusal, rules: &Rules, dialect: Dialect) -> Response {
    let told = Told::from(refusal);
    let body = refusal_body(&told, rules, dialect);
    if rules.rejections == Rejections::InBody {
        return respond(StatusCode::OK, &body);
    }
    let mut response = respond(told.status, &body);
    if told.status == StatusCode::UNAUTHORIZED && dialect == Dialect::Form {
        response.headers_mut().insert(
            WWW_AUTHENTICATE,
            HeaderValue::from_static(r#"Basic realm="oauth2/client""#),
        );
    }
    response
}

pub(crate) fn respond(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/json;charset=UTF-8"),
    );
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

fn success_body(grant: &Grant, rules: &Rules, dialect: Dialect) -> Value {
    // Division truncates towards zero, as the real family's does: -1 ms is 0 s.
    let seconds = match rules.rounding {
        Rounding::Floored => grant.left.saturating_sub(1) / 1000,
        Rounding::Exact => grant.left / 1000,
    };
    let shape = match (rules.shape, dialect) {
        (Shape::Auto, Dialect::Form) => Shape::B,
        (Shape::Auto, Dialect::Merchant) => Shape::A,
        (shape, _) => shape,
    };
    match shape {
        Shape::A => json!({
            "token": grant.access,
            "expiry": grant.expires_at,
            "resultCode": rules.result_code,
            "resultMessage": "Success",
        }),
        Shape::Auto | Shape::B => json!({
            "access_token": grant.access,
            "token_type": "bearer",
            "refresh_token": grant.refresh,
            "expires_in": seconds,
            "scope": "read write trust",
        }),
        Shape::C => json!({
            "accessToken": grant.access,
            "tokenType": "bearer",
            "refreshToken": grant.refresh,
            "expiresIn": seconds,
        }),
    }
}

fn refusal_body(told: &Told, rules: &Rules, dialect: Dialect) -> Value {
    let oauth = json!({ "error": told.error, "error_description": told.description });
    if rules.envelope {
        json!({
            "response_code": told.status.as_u16(),
            "response_message": told.description,
            "payload": null,
            "errorResponse": oauth,
        })
    } else if dialect == Dialect::Merchant || rules.rejections == Rejections::InBody {
        json!({ "resultCode": told.status.as_u16(), "resultMessage": told.description })
    } else {
        oauth
    }
}

/// A refusal in the words of the real family.
struct Told {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl From<&Refusal> for Told {
    fn from(refusal: &Refusal) -> Self {
        let (status, error, description) = match refusal {
            Refusal::NoClient => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "Full authentication is required to access this resource".to_owned(),
            ),
            Refusal::WrongClient => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "Bad client credentials".to_owned(),
            ),
            Refusal::WrongApiKey => (
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "Invalid API key".to_owned(),
            ),
            Refusal::WrongMerchant => (
                StatusCode::UNAUTHORIZED,
                "invalid_client",
                "Invalid access key or secret key".to_owned(),
            ),
            Refusal::WrongUser => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "Bad credentials".to_owned(),
            ),
            Refusal::Locked => (
                StatusCode::BAD_REQUEST,
                "invalid_grant",
                "User account is locked".to_owned(),
            ),
            Refusal::Malformed(what) => (
                StatusCode::BAD_REQUEST,
                "invalid_request",
                (*what).to_owned(),
            ),
            Refusal::UnsupportedGrant(name) => (
                StatusCode::BAD_REQUEST,
                "unsupported_grant_type",
                format!("Unsupported grant type: {name}"),
            ),
        };
        Self {
            status,
            error,
            description,
        }
    }
}
