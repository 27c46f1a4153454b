//! Answers that grant nothing.

use enkash_auth_core::ErrorKind::{InvalidAnswer, Unavailable};

use super::{
    rows::{FORBIDDEN, INVALID, MISCONFIGURED, PAGE, REJECTED, UNAVAILABLE, UNRESOLVED},
    support::{DATE, read},
};
use crate::support::secs;

const TOKEN: &str = r#""access_token":"2YotnFZFEjr1zCsicMWpAA","expires_in":60"#;

#[test]
fn every_row_has_its_kind() {
    let rows = [
        UNAVAILABLE,
        INVALID,
        REJECTED,
        MISCONFIGURED,
        FORBIDDEN,
        UNRESOLVED,
    ];
    for (name, status, kind, body, expected) in rows.into_iter().flatten() {
        let headers = [("content-type", *kind), ("date", DATE)];
        let error = read(*status, &headers, &body.replace('%', TOKEN)).expect_err(name);
        assert_eq!(error.kind(), *expected, "{name}: {error}");
        assert_eq!(
            error.is_transient(),
            matches!(*expected, Unavailable | InvalidAnswer),
            "{name}",
        );
        assert!(
            error.to_string().contains(&format!("status {status}")),
            "{name}: {error}"
        );
        assert!(!error.to_string().contains("2Yotn"), "{name}: {error}");
    }
}

#[test]
fn the_text_says_what_was_seen_and_what_to_check() {
    for (status, body, expected) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Bad credentials"}"#,
            r#"credentials rejected: status 400, invalid_grant, "Bad credentials""#,
        ),
        (
            200,
            r#"{"resultCode":"401","resultMessage":"Invalid key"}"#,
            r#"credentials rejected: status 200, resultCode 401, "Invalid key""#,
        ),
        (
            200,
            r#"{"response_code":7,"errorResponse":{"message":"no"}}"#,
            r#"outcome of the token request unknown: status 200, response_code 7, "{'message':'no'}""#,
        ),
        (
            200,
            "{}",
            "outcome of the token request unknown: status 200; there is no token in the answer",
        ),
        (503, "", "token server unavailable: status 503"),
        (
            204,
            "",
            "unusable token answer: status 204; the body is empty",
        ),
    ] {
        assert_eq!(read(status, &[], body).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_misconfiguration_names_the_setting() {
    for (status, body, setting) in [
        (404, "", "base address"),
        (302, "", "base address"),
        (405, "", "kind of credentials"),
        (415, "", "kind of credentials"),
        (
            400,
            r#"{"error":"unsupported_grant_type"}"#,
            "kind of credentials",
        ),
        (400, r#"{"error":"unauthorized_client"}"#, "client id"),
        (400, r#"{"error":"invalid_scope"}"#, "form field `scope`"),
        (403, "", "egress address"),
    ] {
        let text = read(status, &[], body).unwrap_err().to_string();
        assert!(text.contains("check") && text.contains(setting), "{text}");
    }
}

#[test]
fn retry_after_is_seconds_or_a_point_on_the_servers_clock() {
    let later = "Tue, 14 Nov 2023 22:15:20 GMT";
    let earlier = "Tue, 14 Nov 2023 22:11:20 GMT";
    for (value, date, expected) in [
        ("120", None, Some(120)),
        (" 0 ", None, Some(0)),
        (later, Some(DATE), Some(120)),
        (earlier, Some(DATE), Some(0)),
        (later, None, None),
        (later, Some("today"), None),
        ("-1", None, None),
        ("soon", Some(DATE), None),
        ("18446744073709551615", None, Some(86_400)),
    ] {
        let mut headers = vec![("retry-after", value)];
        headers.extend(date.map(|date| ("date", date)));
        for (status, body) in [
            (503, ""),
            (429, ""),
            (403, PAGE),
            (200, r#"{"resultCode":500}"#),
        ] {
            let error = read(status, &headers, body).unwrap_err();
            assert_eq!(
                error.retry_after(),
                expected.map(secs),
                "{status} {headers:?}"
            );
        }
        for status in [200, 400, 401, 403, 404] {
            assert_eq!(read(status, &headers, "").unwrap_err().retry_after(), None);
        }
    }
}
