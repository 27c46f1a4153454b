//! Responses that grant a token: every shape of the reference page.

use std::time::Duration;

use enkash_auth_core::{FailureKind, ResponseBody, TokenResponse};

use super::support::{DATE, body, credentials, read, response};
use crate::support::{SENT, secs};

const TOKEN: &str = "2YotnFZFEjr1zCsicMWpAA";

/// Name, body, lifetime in seconds.
const SHAPES: &[(&str, &str, u64)] = &[
    (
        "A, result code 200",
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":1700003600000,"resultCode":200,"resultMessage":"Success"}"#,
        3599,
    ),
    (
        "A, result code 0",
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":1700003600000,"resultCode":0,"resultMessage":"Success"}"#,
        3599,
    ),
    (
        "A, numbers as strings",
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":"1700003600000","resultCode":"200"}"#,
        3599,
    ),
    (
        "A, result code 0 as a string",
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":"1700003600000","resultCode":"0"}"#,
        3599,
    ),
    (
        "A in the envelope",
        r#"{"response_code":0,"response_message":"ok","payload":{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":1700003600000,"resultCode":0},"errorResponse":null}"#,
        3599,
    ),
    (
        "B",
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","refresh_token":"r","expires_in":86399,"scope":"read write trust"}"#,
        86_399,
    ),
    (
        "B, numbers as strings",
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","expires_in":"300"}"#,
        300,
    ),
    (
        "B, other case of bearer",
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"BEARER","expires_in":300}"#,
        300,
    ),
    (
        "B in the envelope",
        r#"{"response_code":"0","payload":{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":86399}}"#,
        86_399,
    ),
    (
        "C",
        r#"{"accessToken":"2YotnFZFEjr1zCsicMWpAA","tokenType":"bearer","refreshToken":"r","expiresIn":1200}"#,
        1200,
    ),
    (
        "C in the envelope",
        r#"{"response_code":0,"payload":{"accessToken":"2YotnFZFEjr1zCsicMWpAA","expiresIn":"1200"}}"#,
        1200,
    ),
    (
        "two names of the token",
        r#"{"token":"other","access_token":"2YotnFZFEjr1zCsicMWpAA","accessToken":"","expires_in":60}"#,
        60,
    ),
    (
        "an empty first name",
        r#"{"access_token":"","token":"2YotnFZFEjr1zCsicMWpAA","expires_in":60}"#,
        60,
    ),
    (
        "both lifetimes, the relative one earlier",
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":1700003600000,"expires_in":300}"#,
        300,
    ),
    (
        "both lifetimes, the absolute one earlier",
        r#"{"token":"2YotnFZFEjr1zCsicMWpAA","expiry":1700000061000,"expires_in":300}"#,
        60,
    ),
    (
        "no lifetime",
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA"}"#,
        300,
    ),
    (
        "null is absent",
        r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":null,"resultCode":null,"response_code":null,"error":null,"errorResponse":null,"expires_in":null,"payload":null}"#,
        300,
    ),
];

#[test]
fn every_documented_shape_is_a_grant() {
    for (name, text, seconds) in SHAPES {
        let grant = read(200, &[("date", DATE)], text).expect(name);
        assert_eq!(grant.bearer().expose(), TOKEN, "{name}");
        assert_eq!(grant.lifetime().length(), Some(secs(*seconds)), "{name}");
        assert_eq!(grant.lifetime().sent(), SENT, "{name}");
        assert!(!grant.is_unit_guessed(), "{name}");
    }
}

#[test]
fn any_2xx_grants_whatever_the_content_type() {
    for status in [200, 201, 202, 203] {
        for kind in ["application/json", "text/plain", "text/html"] {
            let text = r#"{"access_token":"abc","expires_in":60}"#;
            let grant = read(status, &[("content-type", kind)], text).unwrap();
            assert_eq!(grant.bearer().expose(), "abc");
        }
    }
}

#[test]
fn guessed_unit_is_reported() {
    for (expiry, guessed, seconds) in [
        (1_700_003_600_000_u64, false, 3599),
        (1_700_003_600, true, 3599),
        (3600, true, 3600),
    ] {
        let text = format!(r#"{{"token":"abc","expiry":{expiry}}}"#);
        let grant = read(200, &[("date", DATE)], &text).unwrap();
        assert_eq!(grant.is_unit_guessed(), guessed, "{expiry}");
        assert_eq!(grant.lifetime().length(), Some(secs(seconds)), "{expiry}");
    }
    let both = r#"{"token":"abc","expiry":3600,"expires_in":60}"#;
    assert!(read(200, &[], both).unwrap().is_unit_guessed());
    let documented = r#"{"token":"abc","expires_in":60}"#;
    assert!(!read(200, &[], documented).unwrap().is_unit_guessed());
}

#[test]
fn malformed_date_is_ignored() {
    let text = r#"{"token":"abc","expiry":1700000060000}"#;
    let grant = read(200, &[("date", "yesterday")], text).unwrap();
    assert!(grant.lifetime().is_local());
    assert_eq!(grant.lifetime().length(), Some(secs(60)));
    let grant = read(200, &[("date", DATE)], text).unwrap();
    assert!(!grant.lifetime().is_local());
    assert_eq!(grant.lifetime().length(), Some(secs(59)));
}

#[test]
fn age_of_a_cached_response_shortens_lifetime() {
    let relative = r#"{"token":"abc","expires_in":300}"#;
    // `DATE` plus 300 s.
    let absolute = r#"{"token":"abc","expiry":1700000300000}"#;
    for (age, left, until) in [
        ("1", 298, 297),
        ("60", 239, 238),
        (" 60 , 5", 239, 238),
        ("299", 0, 0),
        ("86399", 0, 0),
        // Neither stored nor plausible.
        ("0", 300, 299),
        ("86400", 300, 299),
        ("99999999999999999999", 300, 299),
        ("18446744073709551615", 300, 299),
        ("-60", 300, 299),
        ("60.5", 300, 299),
        ("old", 300, 299),
        ("", 300, 299),
    ] {
        let headers = [("date", DATE), ("age", age)];
        for (text, seconds) in [(relative, left), (absolute, until)] {
            let length = read(200, &headers, text).map(|grant| grant.lifetime().length());
            let length = length.ok().flatten().unwrap_or_default();
            assert_eq!(length, secs(seconds), "{age:?} {text}");
        }
    }
}

#[test]
fn expired_token_is_not_a_grant_and_is_returned_apart() {
    for text in [
        r#"{"access_token":"abc","expires_in":0}"#,
        r#"{"access_token":"abc","expires_in":-1}"#,
        r#"{"access_token":"abc","expires_in":60,"expiry":0}"#,
    ] {
        let failed = response(200, &[], text).read(SENT, &credentials(), false);
        let failed = failed.unwrap_err();
        assert_eq!(failed.failure().kind(), FailureKind::InvalidResponse);
        let expired = failed.expired().expect(text);
        assert_eq!(expired.bearer().expose(), "abc");
        assert_eq!(expired.lifetime().length(), None);
    }
    let foreign = r#"{"access_token":"abc","expires_in":0,"token_type":"mac"}"#;
    let failed = response(200, &[], foreign).read(SENT, &credentials(), false);
    assert!(failed.unwrap_err().expired().is_none());
}

#[test]
fn token_is_trimmed_and_scheme_removed() {
    for token in [
        "Bearer 2YotnFZFEjr1zCsicMWpAA",
        "bearer   2YotnFZFEjr1zCsicMWpAA",
        "BEARER\\t2YotnFZFEjr1zCsicMWpAA",
        "2YotnFZFEjr1zCsicMWpAA\\n",
        "2YotnFZFEjr1zCsicMWpAA\\r\\n",
        " 2YotnFZFEjr1zCsicMWpAA ",
        "\\nBearer 2YotnFZFEjr1zCsicMWpAA\\n",
        "2YotnFZFEjr1zCsicMWpAA\n",
    ] {
        let text = format!(r#"{{"token":"null","access_token":"{token}","expires_in":60}}"#);
        let grant = read(200, &[], &text).expect(token);
        assert_eq!(grant.bearer().expose(), TOKEN, "{token:?}");
    }
}

#[test]
fn success_code_in_any_spelling_is_not_a_failure() {
    for value in [
        "0",
        "0.0",
        "\"0\"",
        "\"00\"",
        "\"000\"",
        "\"0.0\"",
        "200",
        "200.0",
        "\"200\"",
        "\" 200 \"",
        "false",
        "\"\"",
        "\" \"",
        "[]",
        "{}",
        "null",
        "[null]",
        "{\"code\":0,\"message\":\"\"}",
    ] {
        for name in [
            "resultCode",
            "response_code",
            "code",
            "error_code",
            "error",
            "errors",
            "errorResponse",
            "ERROR",
            "responseCode",
            "result-code",
        ] {
            let token = r#""access_token":"abc","expires_in":60"#;
            for text in [
                format!(r#"{{"{name}":{value},{token}}}"#),
                format!(r#"{{"{name}":{value},"payload":{{{token}}}}}"#),
            ] {
                assert!(read(200, &[], &text).is_ok(), "{text}");
            }
        }
    }
}

#[test]
fn token_type_bearer_is_case_insensitive() {
    for kind in [
        "\"bearer\"",
        "\"Bearer\"",
        "\"BEARER\"",
        "\"bearer \"",
        "\" bearer\"",
        "\"BearerToken\"",
        "\"bearer_token\"",
        "\"\"",
        "null",
        "[]",
        "false",
    ] {
        let text = format!(r#"{{"access_token":"abc","token_type":{kind},"tokenType":"Bearer"}}"#);
        assert!(read(200, &[], &text).is_ok(), "{text}");
    }
}

#[test]
fn field_names_ignore_case_and_separators() {
    for name in [
        "ACCESS_TOKEN",
        "AccessToken",
        "access-token",
        "Token",
        "accesstoken",
    ] {
        let text = format!(r#"{{"Payload":{{"{name}":"abc","EXPIRES_IN":60}}}}"#);
        let grant = read(200, &[], &text).expect(name);
        assert_eq!(grant.lifetime().length(), Some(secs(60)));
    }
}

#[test]
fn too_long_token_is_invalid() {
    let text = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(9 * 1024));
    let error = read(200, &[], &text).unwrap_err();
    assert_eq!(error.kind(), FailureKind::InvalidResponse);
}

#[test]
fn body_of_max_length_is_read_and_longer_one_is_not() {
    let text = r#"{"access_token":"abc","expires_in":60}"#;
    let longest = text.to_owned() + &" ".repeat(TokenResponse::MAX_BODY - text.len());
    assert!(read(200, &[], &longest).is_ok());
    let error = read(200, &[], &(longest + " ")).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unresolved);
}

#[test]
fn truncated_body_with_complete_json_grants() {
    let text = r#"(truncated){"access_token":"abc","expires_in":60}"#;
    assert!(read(200, &[], text).is_ok());
}

#[test]
fn debug_output_hides_token() {
    let text = format!(r#"{{"access_token":"{TOKEN}","refresh_token":"{TOKEN}"}}"#);
    let response = response(200, &[("x-echo", TOKEN)], &text);
    let grant = response.read(SENT, &credentials(), false).unwrap();
    for shown in [
        format!("{response:?} {response:#?}"),
        format!("{grant:?} {grant:#?}"),
        format!("{:?}", body(&text)),
    ] {
        assert!(!shown.contains(TOKEN), "{shown}");
    }
    assert_eq!(format!("{:?}", ResponseBody::TooLarge), "TooLarge");
    assert!(grant.bearer().header().is_sensitive());
}

#[test]
fn lifetime_starts_when_request_is_sent() {
    let text = r#"{"access_token":"abc","expires_in":60}"#;
    let later = SENT + Duration::from_millis(1500);
    let grant = response(200, &[], text)
        .read(later, &credentials(), false)
        .unwrap();
    assert_eq!(grant.lifetime().sent(), later);
}
