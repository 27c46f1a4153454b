//! The responses to token requests.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::attempt::Rejection;
use crate::rules::{Rejections, Rounding, Rules, Shape, Stated};
use crate::tokens::Grant;

const HOUR: i64 = 3600;
const THREE_CENTURIES: i64 = 3 * 100 * 365 * 24 * HOUR;

/// The two forms of a token request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Form,
    Merchant,
}

/// Returns a JSON response with the headers of the real server family.
pub(super) fn respond(status: StatusCode, body: &Value) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json;charset=UTF-8"),
        (CACHE_CONTROL, "no-store"),
        (PRAGMA, "no-cache"),
    ];
    (status, headers, body.to_string()).into_response()
}

pub(super) fn granted(grant: &Grant, rules: &Rules, dialect: Dialect) -> Response {
    let mut body = success_body(grant, rules, dialect);
    if rules.envelope {
        body = json!({
            "response_code": 0,
            "response_message": "Success",
            "payload": body,
            "errorResponse": null,
        });
    }
    respond(StatusCode::OK, &body)
}

fn success_body(grant: &Grant, rules: &Rules, dialect: Dialect) -> Value {
    let shape = match (rules.shape, dialect) {
        (Shape::Auto, Dialect::Merchant) => Shape::A,
        (shape, _) => shape,
    };
    let mut body = match shape {
        Shape::A => json!({
            "token": grant.access,
            "expiry": lifetime(grant, rules, true),
            "resultCode": rules.result_code,
            "resultMessage": "Success",
        }),
        Shape::Auto | Shape::B => json!({
            "access_token": grant.access,
            "token_type": "bearer",
            "refresh_token": grant.refresh,
            "expires_in": lifetime(grant, rules, false),
            "scope": "read write trust",
        }),
        Shape::C => json!({
            "accessToken": grant.access,
            "tokenType": "bearer",
            "refreshToken": grant.refresh,
            "expiresIn": lifetime(grant, rules, false),
        }),
    };
    if let Value::Object(fields) = &mut body {
        fields.retain(|_, value| !value.is_null());
    }
    body
}

/// Returns the lifetime field: the expiry in Unix milliseconds, or the remaining seconds; null to omit
/// the field.
fn lifetime(grant: &Grant, rules: &Rules, is_absolute: bool) -> Value {
    // Truncates towards zero, like the real server family: -1 ms is 0 s.
    let seconds = |left: i64| match rules.rounding {
        Rounding::Floored => left.saturating_sub(1) / 1000,
        Rounding::Exact => left / 1000,
    };
    let second = if is_absolute { 1000 } else { 1 };
    let truth_less = |ms| {
        if is_absolute {
            grant.expires_at.saturating_sub(ms)
        } else {
            seconds(grant.left.saturating_sub(ms))
        }
    };
    let truth = truth_less(0);
    match rules.stated {
        Stated::UnixSeconds if is_absolute => json!(truth / 1000),
        Stated::SecondsLeft => json!(seconds(grant.left)),
        Stated::Truth | Stated::UnixSeconds => json!(truth),
        Stated::Quoted => json!(truth.to_string()),
        Stated::Zero => json!(0),
        Stated::Negative => json!(-1),
        Stated::HourAgo => json!(truth_less(grant.lifetime) - HOUR * second),
        Stated::Centuries => json!(truth + THREE_CENTURIES * second),
        Stated::Absent => Value::Null,
    }
}

pub(super) fn rejected(rejection: &Rejection, rules: &Rules, dialect: Dialect) -> Response {
    let (status, error, description) = rejection.words();
    let is_in_body = rules.rejections == Rejections::InBody;
    let oauth = json!({ "error": error, "error_description": description });
    let body = if rules.envelope {
        json!({
            "response_code": status.as_u16(),
            "response_message": description,
            "payload": null,
            "errorResponse": oauth,
        })
    } else if dialect == Dialect::Merchant || is_in_body {
        json!({ "resultCode": status.as_u16(), "resultMessage": description })
    } else {
        oauth
    };
    if is_in_body {
        return respond(StatusCode::OK, &body);
    }
    let mut response = respond(status, &body);
    if status == StatusCode::UNAUTHORIZED && dialect == Dialect::Form {
        let challenge = HeaderValue::from_static(r#"Basic realm="oauth2/client""#);
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
