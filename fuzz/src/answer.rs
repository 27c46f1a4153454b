//! The answer to a token request.
//!
//! ```text
//! 400
//! content-type: application/json
//!
//! {"error": "invalid_grant", "error_description": "no such password: ~p"}
//! ```
//!
//! A status, alone or with `truncated` or `too-large`, headers, a blank line and the body. `~p` stands
//! for the password, `~f` and `~j` for the same as in a form and in JSON, `~c` for the client's secret,
//! `~b` for the client in Basic, `~t` for a token and `~k` for the API key; in a body that begins with a
//! brace each is quoted. A header `x-password` adds to the password.

use bytes::Bytes;
use enkash_auth_core::{
    AnswerBody, Bearer, Client, Credentials, Error, ErrorKind, Grant, Moment, RefreshPolicy,
    TokenAnswer, User,
};
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::{expiry, text};

const CLIENT: &str = "Zq7-client/secret+";
/// `id:` and that, in base64.
const BASIC: &str = "aWQ6WnE3LWNsaWVudC9zZWNyZXQr";
const API_KEY: &str = "Zq8 api key";
const TOKEN: &str = "Zq9.eyJhbGciOiJIUzI1NiJ9";

/// What is granted is a bearer token of a success; what is not says so on one line and without a secret.
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
    let body = match (state, std::str::from_utf8(body)) {
        ("truncated", _) => AnswerBody::Truncated,
        ("too-large", _) => AnswerBody::TooLarge,
        // Between quotes, as a server would put them there.
        (_, Ok(body)) if body.starts_with('{') => {
            let quoted = secrets.map(|(letter, secret)| (letter, text::json(secret)));
            let quoted = quoted
                .each_ref()
                .map(|(letter, secret)| (*letter, &**secret));
            AnswerBody::Complete(text::fill(body, &quoted).into())
        }
        (_, Ok(body)) => AnswerBody::Complete(text::fill(body, &secrets).into()),
        (_, Err(_)) => AnswerBody::Complete(Bytes::copy_from_slice(body)),
    };
    let user = User::new("user", password.clone());
    let credentials = Credentials::password(Client::new("id", CLIENT), user).api_key(API_KEY);
    let sent = Moment::new(5_000_000_000, 1_700_000_000_000_000_000);
    let answer = TokenAnswer::new(status, headers.clone(), body.clone());
    match answer.read(sent, &credentials) {
        Ok(grant) => granted(&grant, status, &body),
        Err(error) => refused(&error, &headers, &secrets),
    }
    for (_, secret) in secrets {
        text::hides(&format!("{answer:?}"), secret, &answer);
    }
}

fn granted(grant: &Grant, status: StatusCode, body: &AnswerBody) {
    assert!(status.is_success(), "{status}");
    let AnswerBody::Complete(body) = body else {
        panic!("there is no body, and a grant");
    };
    let token = grant.bearer().expose();
    assert!(body.len() <= TokenAnswer::MAX_BODY);
    assert!(!token.is_empty() && token.len() <= Bearer::MAX_LEN);
    assert!(token.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(grant.bearer().header().is_sensitive());
    let body: Value = serde_json::from_slice(body).expect("a grant is JSON");
    let layers = [Some(&body), body.get("payload")];
    let is_there = |layer: &Value| {
        let names = ["access_token", "accessToken", "token"];
        names
            .iter()
            .any(|name| layer.get(name).and_then(Value::as_str) == Some(token))
    };
    assert!(
        layers.into_iter().flatten().any(is_there),
        "{token:?} from nowhere"
    );
    for layer in layers.into_iter().flatten() {
        for name in ["error", "errorResponse"] {
            assert!(
                layer.get(name).is_none_or(Value::is_null),
                "a grant beside an error"
            );
        }
    }
    if token.len() > 8 {
        assert!(!format!("{grant:?}").contains(token));
    }
    expiry::schedule(grant.lifetime(), &RefreshPolicy::default(), 0.5);
}

fn refused(error: &Error, headers: &HeaderMap, secrets: &[(char, &str)]) {
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
            assert_eq!(error.kind(), ErrorKind::Unavailable);
            assert!(headers.contains_key("retry-after"));
            assert!(after.as_secs() <= 24 * 60 * 60);
        }
    }
}
