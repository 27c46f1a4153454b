//! Responses from public bug reports, reworded, and more of each kind.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use enkash_auth_core::{FailureKind, ResponseBody, Timestamp, account::AttemptOutcome};
use serde_json::Value;

use super::support::{credentials, with_body};

/// One response per line, to a request sent at [`SENT`] with credentials that are not known good.
const CASES: &str = include_str!("../../cases/token-responses.jsonl");

/// 2026-11-30T00:53:20Z.
const SENT: Timestamp = Timestamp::new(90_000_000_000_000, 1_796_000_000_000_000_000);

#[test]
fn reported_responses_are_classified_as_documented() {
    let wrong: Vec<_> = CASES
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .filter_map(|case: Value| {
            let seen = seen(&case);
            let is_right = expected(&case).iter().all(|value| seen.contains(value));
            (!is_right).then(|| format!("{}: {seen:?}", case["id"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}

/// The expected properties of a response, each with its name.
fn expected(case: &Value) -> Vec<(&'static str, String)> {
    [
        "expect",
        "token",
        "lifetime_s",
        "guessed",
        "retry_after_s",
        "repeated_in_the_fetch",
    ]
    .into_iter()
    .filter_map(|name| {
        let value = case.get(name)?;
        // Whole numbers are written with and without a fraction.
        let text = value.as_f64().map(|number| number.to_string());
        let text = text.or_else(|| value.as_str().map(str::to_owned));
        Some((name, text.unwrap_or_else(|| value.to_string())))
    })
    .collect()
}

/// The same as it is read.
fn seen(case: &Value) -> Vec<(&'static str, String)> {
    let headers: Vec<(String, String)> = serde_json::from_value(case["headers"].clone()).unwrap();
    let headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let body = match case["body_base64"].as_str() {
        Some(encoded) => BASE64_STANDARD.decode(encoded).unwrap(),
        None => case["body"].as_str().unwrap().into(),
    };
    let body = ResponseBody::Complete(Bytes::from(body));
    let status = case["status"]
        .as_u64()
        .and_then(|status| status.try_into().ok());
    let response = with_body(status.unwrap(), &headers, body);
    match response.read(SENT, &credentials(), false) {
        Ok(grant) => {
            let length = grant.lifetime().length().unwrap_or_default();
            vec![
                ("expect", "granted".to_owned()),
                ("token", grant.bearer().expose().to_owned()),
                ("lifetime_s", length.as_secs_f64().to_string()),
            ]
        }
        Err(failed) => {
            let guessed = failed.outcome() == AttemptOutcome::Rejected { guessed: true };
            let after = failed.failure().retry_after();
            let after = after.map(|after| after.as_secs_f64().to_string());
            vec![
                ("expect", name(failed.failure().kind())),
                ("guessed", guessed.to_string()),
                ("retry_after_s", after.unwrap_or_default()),
                ("repeated_in_the_fetch", failed.may_repeat().to_string()),
            ]
        }
    }
}

/// The name of a kind: `InvalidResponse` is `invalid-response`.
fn name(kind: FailureKind) -> String {
    let mut name = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
