//! Answers of token servers that go wrong and throw back all they know.

use serde_json::json;

use crate::{
    server::{Answer, answer},
    sinks::Canary,
};

const JSON: &str = "content-type: application/json\r\n";

/// Each with its name. Among what they throw back is a token of their own.
pub(crate) fn answers(canary: &Canary) -> Vec<(&'static str, Answer)> {
    let token = canary.secret("token of a bad answer");
    let all = canary.all();
    let words = all.join(" ");
    let ascii: String = words.chars().filter(char::is_ascii).collect();
    let headers = format!(
        "{JSON}date: {ascii}\r\nretry-after: {ascii}\r\nwww-authenticate: Bearer error=\"{ascii}\"\r\n\
         set-cookie: {ascii}\r\nx-echo: {ascii}\r\n"
    );
    let refused = |error: &str| json!({ "error": error, "error_description": words }).to_string();
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
            "refused",
            answer("400 Bad Request", &headers, &refused("invalid_grant")),
        ),
        (
            "refused in other words",
            answer(&format!("401 {token}"), JSON, &refused(&token)),
        ),
        (
            "locked",
            answer(
                "401 Unauthorized",
                JSON,
                &refused(&format!("{token} locked")),
            ),
        ),
        (
            "cut",
            answer(
                "400 Bad Request",
                JSON,
                &text(json!({ "error": long, "resultMessage": long })),
            ),
        ),
        (
            "an envelope",
            answer(
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
            answer(
                "200 OK",
                JSON,
                &text(json!({
                    "resultCode": words, "resultMessage": { words.clone(): words }, "access_token": token,
                })),
            ),
        ),
        (
            "unavailable",
            answer("503 Service Unavailable", &headers, &refused("busy")),
        ),
        (
            "not found",
            answer(
                "404 Not Found",
                &headers,
                &refused("unsupported_grant_type"),
            ),
        ),
        (
            "forbidden",
            answer("403 Forbidden", &headers, &refused("no")),
        ),
        (
            "HTML",
            answer("502 Bad Gateway", "content-type: text/html\r\n", &page),
        ),
        (
            "HTML that says yes",
            answer("200 OK", "content-type: text/html\r\n", &page),
        ),
        ("32 MiB", answer("200 OK", &headers, &huge)),
        (
            "no JSON",
            answer("200 OK", JSON, &format!("{{\"access_token\": {words}")),
        ),
        (
            "no token",
            answer("200 OK", JSON, &text(json!({ words.clone(): words }))),
        ),
        (
            "no bearer",
            answer(
                "200 OK",
                JSON,
                &text(json!({
                    "access_token": token, "token_type": words, "expires_in": 600,
                })),
            ),
        ),
        (
            "no header",
            answer("200 OK", JSON, &granted(&format!("{token} {words}"))),
        ),
        (
            "a long token",
            answer("200 OK", JSON, &granted(&token.repeat(400))),
        ),
        (
            "an odd expiry",
            answer(
                "200 OK",
                JSON,
                &text(json!({
                    "access_token": token, "expires_in": words, "expiry": { words.clone(): token },
                })),
            ),
        ),
        (
            "a redirect",
            answer("307 Temporary Redirect", &link, &words),
        ),
        (
            "half",
            answer("200 OK", JSON, &granted(&token)).map(|mut it| {
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
        ("no answer", None),
    ]
}
