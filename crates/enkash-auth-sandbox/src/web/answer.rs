//! What a token request is answered with.

use axum::body::Body;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::lifetime;
use super::told::Told;
use crate::choices::{Rejections, Shape};
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
    let shape = match (rules.shape, dialect) {
        (Shape::Auto, Dialect::Form) => Shape::B,
        (Shape::Auto, Dialect::Merchant) => Shape::A,
        (shape, _) => shape,
    };
    let mut body = match shape {
        Shape::A => json!({
            "token": grant.access,
            "expiry": lifetime::absolute(grant, rules),
            "resultCode": rules.result_code,
            "resultMessage": "Success",
        }),
        Shape::Auto | Shape::B => json!({
            "access_token": grant.access,
            "token_type": "bearer",
            "refresh_token": grant.refresh,
            "expires_in": lifetime::relative(grant, rules),
            "scope": "read write trust",
        }),
        Shape::C => json!({
            "accessToken": grant.access,
            "tokenType": "bearer",
            "refreshToken": grant.refresh,
            "expiresIn": lifetime::relative(grant, rules),
        }),
    };
    if let Value::Object(fields) = &mut body {
        fields.retain(|_, value| !value.is_null());
    }
    body
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
