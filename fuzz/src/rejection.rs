//! The response in which the Payment Gateway rejects a token, and whether the call is replayed.
//!
//! ```text
//! 400
//! content-type: application/json
//!
//! {"response_code":117,"response_message":"failed","payload":null}
//! ```
//!
//! A status, headers, a blank line and the body of the response to a POST. Challenges are left out: `challenge`
//! has them.

use bytes::Bytes;
use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, WWW_AUTHENTICATE},
};
use serde_json::Value;

use crate::{challenge::is_sent_again, text};

/// How much of a body is looked at.
const LIMIT: usize = 4 << 10;

/// Checks that the caller gets the body as it came, and that the call is replayed exactly if a body of JSON
/// rejects the token under a status that allows it.
pub fn check(input: &[u8]) {
    let (head, body) = text::head_and_body(input);
    let (status, headers) = text::first_line(head);
    let Ok(status) = StatusCode::from_bytes(status) else {
        return;
    };
    let mut headers = text::headers(headers);
    headers.remove(WWW_AUTHENTICATE);
    headers.remove(CONTENT_LENGTH);
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers.clone();
    let is_sent_again = is_sent_again(&response);
    let may_be = !status.is_success()
        && !status.is_server_error()
        && !matches!(status, StatusCode::FORBIDDEN | StatusCode::REQUEST_TIMEOUT);
    match rejects_token(&headers, body) {
        Some(expected) => assert_eq!(is_sent_again, expected && may_be, "{response:?}"),
        None => assert!(!is_sent_again || may_be, "{response:?}"),
    }
}

/// Returns whether the body has the documented code or text; `None` if that is a matter of leniency: another
/// spelling of the type, a compressed body, or one that is not JSON by the grammar.
fn rejects_token(headers: &HeaderMap, body: &[u8]) -> Option<bool> {
    let kind = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], |kind| kind.as_bytes());
    let is_json = kind == b"application/json";
    if body.len() > LIMIT || !is_json && !kind.to_ascii_lowercase().windows(4).any(is_word) {
        return Some(false);
    }
    let Value::Object(fields) = serde_json::from_slice(body).ok().filter(|_| is_json)? else {
        return None;
    };
    let has_code = match fields.get("response_code") {
        Some(Value::Number(code)) => code.as_f64() == Some(117.0),
        Some(Value::String(code)) if code == "117" => true,
        Some(Value::String(_)) => return None,
        _ => false,
    };
    let text = fields.get("payload").and_then(Value::as_str);
    Some(has_code || text == Some("Token is invalid."))
}

fn is_word(bytes: &[u8]) -> bool {
    bytes == b"json"
}
