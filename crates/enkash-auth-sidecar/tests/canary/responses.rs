//! Responses of faulty token servers that echo all secrets.

use serde_json::json;

use crate::{
    server::{RawResponse, response},
    sinks::Canary,
};

const JSON: &str = "content-type: application/json\r\n";

/// Returns the responses with their names. They also contain a token.
pub(crate) fn responses(canary: &Canary) -> Vec<(&'static str, RawResponse)> {
    let token = canary.secret("token of a bad response");
    let all = canary.all();
    let words = all.join(" ");
    let ascii: String = words.chars().filter(char::is_ascii).collect();
    let headers = format!(
        "{JSON}date: {ascii}\r\nretry-after: {ascii}\r\nwww-authenticate: Bearer error=\"{ascii}\"\r\n\
         set-cookie: {ascii}\r\nx-echo: {ascii}\r\n"
    );
    let rejected = |error: &str| json!({ "error": error, "error_description": words }).to_string();
    let text = |value: serde_json::Value| value.to_string();
    let granted = |token: &str| json!({ "access_token": token, "expires_in": 600 }).to_string();
    let long = format!("{}{words}", "x".repeat(190));
    let huge = format!(
        "{}{}",
        granted(&token),
        words.repeat((32 << 20) / words.len())
    );
    let link = format!("location: http://127.0.0.1:9/{token}\r\n");
    let page = format!("<html><title>{words}</title></html>");
    vec![
        (
            "rejected",
            response("400 Bad Request", &headers, &rejected("invalid_grant")),
        ),
        (
            "rejected in other words",
            response(&format!("401 {token}"), JSON, &rejected(&token)),
        ),
        (
            "locked",
            response(
                "401 Unauthorized",
                JSON,
                &rejected(&format!("{token} locked")),
            ),
        ),
        (
            "cut",
            response(
                "400 Bad Request",
                JSON,
                &text(json!({ "error": long, "resultMessage": long })),
            ),
        ),
        (
            "an envelope",
            response(
                "200 OK",
                JSON,
                &text(json!({
                    "response_code": token, "response_message": words,
                    "errorResponse": { "sent": all, "token": token }, "payload": { "token": token },
                })),
            ),
        ),
        (
            "a code",
            response(
                "200 OK",
                JSON,
                &text(json!({
                    "resultCode": words, "resultMessage": { words.clone(): words }, "access_token": token,
                })),
            ),
        ),
        (
            "unavailable",
            response("503 Service Unavailable", &headers, &rejected("busy")),
        ),
        (
            "not found",
            response(
                "404 Not Found",
                &headers,
                &rejected("unsupported_grant_type"),
            ),
        ),
        (
            "forbidden",
            response("403 Forbidden", &headers, &rejected("no")),
        ),
        (
            "HTML",
            response("502 Bad Gateway", "content-type: text/html\r\n", &page),
        ),
        (
            "HTML that says yes",
            response("200 OK", "content-type: text/html\r\n", &page),
        ),
        ("32 MiB", response("200 OK", &headers, &huge)),
        (
            "no JSON",
            response("200 OK", JSON, &format!("{{\"access_token\": {words}")),
        ),
        (
            "no token",
            response("200 OK", JSON, &text(json!({ words.clone(): words }))),
        ),
        (
            "no bearer",
            response(
                "200 OK",
                JSON,
                &text(json!({
                    "access_token": token, "token_type": words, "expires_in": 600,
                })),
            ),
        ),
        (
            "no header",
            response("200 OK", JSON, &granted(&format!("{token} {words}"))),
        ),
        (
            "a long token",
            response("200 OK", JSON, &granted(&token.repeat(400))),
        ),
        (
            "an odd expiry",
            response(
                "200 OK",
                JSON,
                &text(json!({
                    "access_token": token, "expires_in": words, "expiry": { words.clone(): token },
                })),
            ),
        ),
        (
            "a redirect",
            response("307 Temporary Redirect", &link, &words),
        ),
        (
            "half",
            response("200 OK", JSON, &granted(&token)).map(|mut it| {
                it.truncate(it.len() - 20);
                it
            }),
        ),
        ("no HTTP", Some(format!("{words}\r\n\r\n").into_bytes())),
        (
            "a bad header",
            Some(format!("HTTP/1.1 200 OK\r\n{words}\r\n\r\n").into_bytes()),
        ),
        (
            "a bad status",
            Some(format!("HTTP/1.1 {token} OK\r\n\r\n").into_bytes()),
        ),
        ("closed", Some(Vec::new())),
        ("no response", None),
    ]
}
