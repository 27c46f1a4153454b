//! Which answer means what.

use enkash_auth_core::ErrorKind::{
    self, AccountLocked, Forbidden, InvalidAnswer, Misconfigured, Rejected, Unavailable, Unresolved,
};

const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=UTF-8";
pub(crate) const PAGE: &str = "<!DOCTYPE html><title>Attention required</title>";

/// Name, status, content type, body, kind. A `%` in the body stands for a token and its lifetime.
pub(crate) type Row = (&'static str, u16, &'static str, &'static str, ErrorKind);

#[rustfmt::skip]
pub(crate) const UNAVAILABLE: &[Row] = &[
    ("500 JSON", 500, JSON, r#"{"error":"server_error"}"#, Unavailable),
    ("500 page", 500, HTML, PAGE, Unavailable),
    ("502 empty", 502, JSON, "", Unavailable),
    ("503 truncated", 503, JSON, "(truncated)", Unavailable),
    ("504 too large", 504, JSON, "(too large)", Unavailable),
    ("520 of a CDN", 520, HTML, PAGE, Unavailable),
    ("530 of a CDN", 530, HTML, PAGE, Unavailable),
    ("500 with a token", 500, JSON, "{%}", Unavailable),
    ("500 before invalid_grant", 500, JSON, r#"{"error":"invalid_grant"}"#, Unavailable),
    ("429 JSON", 429, JSON, r#"{"error":"slow_down"}"#, Unavailable),
    ("429 page", 429, HTML, PAGE, Unavailable),
    ("403 page", 403, HTML, PAGE, Unavailable),
    ("403 page by its body", 403, JSON, " \r\n<html>", Unavailable),
    ("403 page by its type", 403, "TEXT/HTML", "blocked", Unavailable),
    ("403 page, cut off", 403, HTML, "(truncated)", Unavailable),
    ("result code 500", 200, JSON, r#"{"resultCode":500,%}"#, Unavailable),
    ("result code 599 as a string", 200, JSON, r#"{"resultCode":"599"}"#, Unavailable),
    ("result code 429", 200, JSON, r#"{"resultCode":429}"#, Unavailable),
    ("response code 503", 200, JSON, r#"{"response_code":503}"#, Unavailable),
    ("500 in the envelope", 200, JSON, r#"{"response_code":0,"payload":{"resultCode":500}}"#, Unavailable),
    ("400 with result code 500", 400, JSON, r#"{"resultCode":500,"error":"invalid_grant"}"#, Unavailable),
    ("401 with result code 500", 401, JSON, r#"{"resultCode":500}"#, Unavailable),
];

#[rustfmt::skip]
pub(crate) const INVALID: &[Row] = &[
    ("empty", 200, JSON, "", InvalidAnswer),
    ("blank", 200, JSON, " \r\n", InvalidAnswer),
    ("no content", 204, JSON, "", InvalidAnswer),
    ("truncated", 200, JSON, "(truncated)", InvalidAnswer),
    ("too large", 200, JSON, "(too large)", InvalidAnswer),
    ("half of it", 200, JSON, r#"{"access_token":"2Yotn"#, InvalidAnswer),
    ("page with 200", 200, HTML, PAGE, InvalidAnswer),
    ("plain text", 200, "text/plain", "OK", InvalidAnswer),
];

#[rustfmt::skip]
pub(crate) const REJECTED: &[Row] = &[
    ("bad user", 400, JSON, r#"{"error":"invalid_grant","error_description":"Bad credentials"}"#, Rejected),
    ("invalid_grant, 403", 403, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
    ("invalid_grant, 404", 404, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
    ("invalid_grant, 200", 200, JSON, r#"{"error":"invalid_grant"}"#, Rejected),
    ("invalid_client", 400, JSON, r#"{"error":"invalid_client"}"#, Rejected),
    ("401 invalid_client", 401, JSON, r#"{"error":"invalid_client"}"#, Rejected),
    ("401 unauthorized", 401, JSON, r#"{"error":"unauthorized"}"#, Rejected),
    ("401 empty", 401, JSON, "", Rejected),
    ("401 page", 401, HTML, PAGE, Rejected),
    ("401 truncated", 401, JSON, "(truncated)", Rejected),
    ("401 too large", 401, JSON, "(too large)", Rejected),
    ("401 with a token", 401, JSON, "{%}", Rejected),
    ("401 before a scope", 401, JSON, r#"{"error":"invalid_scope"}"#, Rejected),
    ("result code 400", 200, JSON, r#"{"resultCode":400,%}"#, Rejected),
    ("result code 401", 200, JSON, r#"{"resultCode":"401","resultMessage":"Invalid"}"#, Rejected),
    ("response code 401", 200, JSON, r#"{"response_code":401}"#, Rejected),
    ("response code 400", 400, JSON, r#"{"response_code":"400"}"#, Rejected),
    ("401 in the envelope", 200, JSON, r#"{"payload":{"resultCode":401}}"#, Rejected),
    ("404 with result code 401", 404, JSON, r#"{"resultCode":401}"#, Rejected),
    ("a blocked address", 401, JSON, r#"{"resultMessage":"IP blocked"}"#, Rejected),
    ("locked", 400, JSON, r#"{"error":"invalid_grant","error_description":"User account is locked"}"#, AccountLocked),
    ("disabled", 400, JSON, r#"{"error":"invalid_grant","error_description":"User is DISABLED"}"#, AccountLocked),
    ("locked, resultMessage", 200, JSON, r#"{"resultCode":401,"resultMessage":"Account Locked"}"#, AccountLocked),
    ("locked, response_message", 200, JSON, r#"{"response_code":401,"response_message":"account_locked"}"#, AccountLocked),
    ("locked, errorResponse", 401, JSON, r#"{"errorResponse":{"message":"locked"}}"#, AccountLocked),
    ("locked, error", 401, JSON, r#"{"error":"account_locked"}"#, AccountLocked),
    ("locked, enveloped", 401, JSON, r#"{"payload":{"resultMessage":"locked"}}"#, AccountLocked),
];

#[rustfmt::skip]
pub(crate) const MISCONFIGURED: &[Row] = &[
    ("grant", 400, JSON, r#"{"error":"unsupported_grant_type"}"#, Misconfigured),
    ("scope", 400, JSON, r#"{"error":"invalid_scope"}"#, Misconfigured),
    ("client", 400, JSON, r#"{"error":"unauthorized_client"}"#, Misconfigured),
    ("404", 404, JSON, r#"{"status":404}"#, Misconfigured),
    ("404 page", 404, HTML, PAGE, Misconfigured),
    ("404 truncated", 404, JSON, "(truncated)", Misconfigured),
    ("404 before 403", 404, JSON, r#"{"resultCode":403}"#, Misconfigured),
    ("405", 405, JSON, "{}", Misconfigured),
    ("415", 415, JSON, "", Misconfigured),
    ("301", 301, HTML, PAGE, Misconfigured),
    ("302", 302, JSON, "", Misconfigured),
    ("307 with a token", 307, JSON, "{%}", Misconfigured),
];

#[rustfmt::skip]
pub(crate) const FORBIDDEN: &[Row] = &[
    ("403", 403, JSON, r#"{"error":"access_denied"}"#, Forbidden),
    ("403 empty", 403, JSON, "", Forbidden),
    ("403 too large", 403, JSON, "(too large)", Forbidden),
    ("result code 403", 200, JSON, r#"{"resultCode":403}"#, Forbidden),
    ("response code 403", 200, JSON, r#"{"response_code":"403"}"#, Forbidden),
];

#[rustfmt::skip]
pub(crate) const UNRESOLVED: &[Row] = &[
    ("400", 400, JSON, r#"{"error":"invalid_request"}"#, Unresolved),
    ("400 empty", 400, JSON, "", Unresolved),
    ("400 page", 400, HTML, PAGE, Unresolved),
    ("400 truncated", 400, JSON, "(truncated)", Unresolved),
    ("400 with a token", 400, JSON, "{%}", Unresolved),
    ("409", 409, JSON, "{}", Unresolved),
    ("423, locked", 423, JSON, r#"{"resultMessage":"locked"}"#, Unresolved),
    ("600", 600, JSON, "{%}", Unresolved),
    ("result code 7", 200, JSON, r#"{"resultCode":7,%}"#, Unresolved),
    ("result code 201", 200, JSON, r#"{"resultCode":201,%}"#, Unresolved),
    ("result code -1", 200, JSON, r#"{"resultCode":-1,%}"#, Unresolved),
    ("result code in words", 200, JSON, r#"{"resultCode":"FAILED",%}"#, Unresolved),
    ("result code 0.5", 200, JSON, r#"{"resultCode":0.5,%}"#, Unresolved),
    ("result code true", 200, JSON, r#"{"resultCode":true,%}"#, Unresolved),
    ("result code 0, then 7", 200, JSON, r#"{"resultCode":0,"payload":{"resultCode":7,%}}"#, Unresolved),
    ("response code 1", 200, JSON, r#"{"response_code":1,"payload":{%}}"#, Unresolved),
    ("response code 200", 200, JSON, r#"{"response_code":200,"payload":{%}}"#, Unresolved),
    ("errorResponse", 200, JSON, r#"{"response_code":0,"errorResponse":{},"payload":{%}}"#, Unresolved),
    ("error with 200", 200, JSON, r#"{"error":"other",%}"#, Unresolved),
    ("an array", 200, JSON, "[{%}]", Unresolved),
    ("null", 200, JSON, "null", Unresolved),
    ("a string", 200, JSON, r#""2YotnFZFEjr1zCsicMWpAA""#, Unresolved),
    ("no token", 200, JSON, r#"{"expires_in":60}"#, Unresolved),
    ("an empty token", 200, JSON, r#"{"access_token":"","token":null}"#, Unresolved),
    ("a token that is a number", 200, JSON, r#"{"token":7}"#, Unresolved),
    ("only a refresh token", 200, JSON, r#"{"refresh_token":"abc"}"#, Unresolved),
    ("token type mac", 200, JSON, r#"{"token_type":"mac",%}"#, Unresolved),
    ("tokenType mac", 200, JSON, r#"{"tokenType":"mac",%}"#, Unresolved),
    ("token type 7", 200, JSON, r#"{"token_type":7,%}"#, Unresolved),
    ("token type empty", 200, JSON, r#"{"token_type":"",%}"#, Unresolved),
];
