//! The response to a token request.
//!
//! ```text
//! 400
//! content-type: application/json
//!
//! {"error": "invalid_grant", "error_description": "no such password: ~p"}
//! ```
//!
//! A status, alone or with `truncated` or `too-large`, headers, a blank line and the body. `~p` stands
//! for the password, `~f` and `~j` for the password in a form and in JSON, `~c` for the client's secret,
//! `~b` for the client in Basic, `~t` for a token and `~k` for the API key; in a body that begins with a
//! brace each is quoted. A header `x-password` adds to the password.

use std::iter;

use bytes::Bytes;
use enkash_auth_core::{
    Bearer, Client, Credentials, FailedAttempt, Failure, FailureKind, Grant, Policy, ResponseBody,
    Timestamp, TokenResponse, User, account::AttemptOutcome,
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{expiry, text};

const CLIENT: &str = "Zq7-client/secret+";
/// The client id and secret, in base64.
const BASIC: &str = "aWQ6WnE3LWNsaWVudC9zZWNyZXQr";
const API_KEY: &str = "Zq8 api key";
const TOKEN: &str = "Zq9.eyJhbGciOiJIUzI1NiJ9";

/// Checks that a granted token is a bearer token of a success, and that an error has one line and no secret.
pub fn check(input: &[u8]) {
    let (head, body) = text::head_and_body(input);
    let (status, headers) = text::first_line(head);
    let Ok(status) = std::str::from_utf8(status) else {
        return;
    };
    let (status, state) = status.split_once(' ').unwrap_or((status, ""));
    let Ok(status) = StatusCode::from_bytes(status.as_bytes()) else {
        return;
    };
    let mut headers = text::headers(headers);
    let more = headers.remove("x-password");
    let more = more.as_ref().and_then(|more| more.to_str().ok());
    let password = format!("Zq6&\"{}", more.unwrap_or_default());
    let form: String = form_urlencoded::byte_serialize(password.as_bytes()).collect();
    let json = text::json(&password);
    let secrets = [
        ('p', &*password),
        ('f', &*form),
        ('j', &json),
        ('c', CLIENT),
        ('b', BASIC),
        ('k', API_KEY),
        ('t', TOKEN),
    ];
    let body = match std::str::from_utf8(body) {
        // Escaped, as a server would write them between quotes.
        Ok(body) if body.starts_with('{') => {
            let quoted = secrets.map(|(letter, secret)| (letter, text::json(secret)));
            let quoted = quoted
                .each_ref()
                .map(|(letter, secret)| (*letter, &**secret));
            text::fill(body, &quoted).into()
        }
        Ok(body) => text::fill(body, &secrets).into(),
        Err(_) => Bytes::copy_from_slice(body),
    };
    let body = match state {
        "truncated" => ResponseBody::Truncated(body),
        "too-large" => ResponseBody::TooLarge,
        _ => ResponseBody::Complete(body),
    };
    let user = User::new("user", password.clone());
    let credentials = Credentials::password(Client::new("id", CLIENT), user).api_key(API_KEY);
    let sent = Timestamp::new(5_000_000_000, 1_700_000_000_000_000_000);
    let response = TokenResponse::new(status, headers.clone(), body.clone());
    let [unknown, known_good] =
        [false, true].map(|is_known_good| response.read(sent, &credentials, is_known_good));
    match (&unknown, &known_good) {
        (Ok(grant), Ok(_)) => granted(grant, status, &body),
        (Err(unknown), Err(known_good)) => {
            judged(unknown, known_good);
            failed(unknown.failure(), &headers, &secrets);
            failed(known_good.failure(), &headers, &secrets);
        }
        _ => panic!("a grant is one for whichever credentials"),
    }
    for (_, secret) in secrets {
        text::hides(&format!("{response:?} {unknown:?}"), secret, &response);
    }
}

fn granted(grant: &Grant, status: StatusCode, body: &ResponseBody) {
    assert!(status.is_success(), "{status}");
    let (ResponseBody::Complete(body) | ResponseBody::Truncated(body)) = body else {
        panic!("there is no body, and a grant");
    };
    let token = grant.bearer().expose();
    assert!(body.len() <= TokenResponse::MAX_BODY);
    assert!(!token.is_empty() && token.len() <= Bearer::MAX_LEN);
    assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(grant.bearer().header().is_sensitive());
    assert!(grant.lifetime().length().is_some());
    // Only if the body is valid JSON.
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        let objects = body.as_object().into_iter().flatten();
        let payloads = objects.filter(|(name, _)| letters(name) == "payload");
        let mut objects = iter::once(&body).chain(payloads.map(|(_, payload)| payload));
        assert!(
            objects.any(|object| has(object, token)),
            "{token:?} from nowhere"
        );
        assert_ne!(
            body.get("error").and_then(Value::as_str),
            Some("invalid_grant")
        );
    }
    if token.len() > 8 {
        assert!(!format!("{grant:?}").contains(token));
    }
    expiry::schedule(grant.lifetime(), &Policy::default(), 0.5);
}

/// Returns a name as fields are compared: without case, `_` and `-`.
fn letters(name: &str) -> String {
    name.replace(['_', '-'], "").to_ascii_lowercase()
}

fn has(object: &Value, token: &str) -> bool {
    let fields = object.as_object().into_iter().flatten();
    fields
        .filter_map(|(_, value)| value.as_str())
        .any(|value| value.contains(token))
}

/// Checks that the outcomes are consistent, and that known good credentials are not guessed to be rejected.
fn judged(unknown: &FailedAttempt, known_good: &FailedAttempt) {
    for failed in [unknown, known_good] {
        let (kind, outcome) = (failed.failure().kind(), failed.outcome());
        let expected = match kind {
            FailureKind::Rejected => matches!(outcome, AttemptOutcome::Rejected { .. }),
            FailureKind::AccountLocked => outcome == AttemptOutcome::Locked,
            FailureKind::Unresolved => matches!(outcome, AttemptOutcome::Unresolved { .. }),
            _ => outcome == AttemptOutcome::Uncounted,
        };
        assert!(expected, "{kind:?} {outcome:?}");
        assert!(!failed.may_repeat() || kind == FailureKind::Unavailable);
    }
    match unknown.outcome() {
        AttemptOutcome::Rejected { guessed: true } => {
            let expected = AttemptOutcome::Unresolved { complete: true };
            assert_eq!(known_good.outcome(), expected);
        }
        outcome => assert_eq!(known_good.outcome(), outcome),
    }
}

fn failed(error: &Failure, headers: &HeaderMap, secrets: &[(char, &str)]) {
    let shown = text::shown(error);
    for (_, secret) in secrets {
        text::hides(&shown, secret, error);
    }
    let text = error.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    assert!(text.chars().count() < 2_000, "{text:?}");
    match error.retry_after() {
        None => {}
        Some(after) => {
            assert_eq!(error.kind(), FailureKind::Unavailable);
            assert!(headers.contains_key("retry-after"));
            assert!(after.as_secs() <= 24 * 60 * 60);
        }
    }
}
