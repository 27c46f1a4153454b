//! Responses that grant nothing.

use enkash_auth_core::{
    Failure, FailureKind,
    account::AttemptOutcome::{self, Locked, Rejected, Uncounted, Unresolved},
};

use super::{
    rows::{
        PAGE, ROW_2, ROW_3, ROW_4, ROW_5, ROW_6, ROW_7, ROW_8, ROW_9, ROW_10, ROW_10_INCOMPLETE,
        Row,
    },
    support::{DATE, read, response},
};
use crate::{response::support::credentials, support::SENT, support::secs};

const TOKEN: &str = r#""access_token":"2YotnFZFEjr1zCsicMWpAA","expires_in":60"#;

/// What follows: an error, an outcome, and whether the request may be repeated.
type Meaning = (FailureKind, AttemptOutcome, bool);

const LOCKED: Meaning = (FailureKind::AccountLocked, Locked, false);
const REPEATED: Meaning = (FailureKind::Unavailable, Uncounted, true);
const TRANSIENT: Meaning = (FailureKind::Unavailable, Uncounted, false);
const FORBIDDEN: Meaning = (FailureKind::Forbidden, Uncounted, false);
const MISCONFIGURED: Meaning = (FailureKind::Misconfigured, Uncounted, false);
const REJECTED: Meaning = (FailureKind::Rejected, Rejected { guessed: false }, false);
const GUESSED: Meaning = (FailureKind::Rejected, Rejected { guessed: true }, false);
const INVALID: Meaning = (FailureKind::InvalidResponse, Uncounted, false);
const UNRESOLVED: Meaning = (
    FailureKind::Unresolved,
    Unresolved { complete: true },
    false,
);
const INCOMPLETE: Meaning = (
    FailureKind::Unresolved,
    Unresolved { complete: false },
    false,
);

/// Each row for credentials that are not known good, and for ones that are.
#[track_caller]
fn check(rows: &[Row], unknown: Meaning, known_good: Meaning) {
    for (is_known_good, expected) in [(false, unknown), (true, known_good)] {
        for (name, status, body) in rows {
            let failed = response(*status, &[("date", DATE)], &body.replace('%', TOKEN))
                .read(SENT, &credentials(), is_known_good)
                .expect_err(name);
            let error = failed.failure();
            let meaning = (error.kind(), failed.outcome(), failed.may_repeat());
            assert_eq!(meaning, expected, "{name}, {is_known_good}: {error}");
            let text = error.to_string();
            assert!(text.contains(&format!("status {status}")), "{text}");
            assert!(!text.contains("2Yotn"), "{text}");
        }
    }
}

#[test]
fn locked_account_is_row_2() {
    check(ROW_2, LOCKED, LOCKED);
}

#[test]
fn overload_and_gateway_page_are_row_3() {
    check(ROW_3, REPEATED, REPEATED);
}

#[test]
fn server_fault_is_row_4() {
    check(ROW_4, TRANSIENT, REPEATED);
}

#[test]
fn forbidden_caller_is_row_5() {
    check(ROW_5, FORBIDDEN, FORBIDDEN);
}

#[test]
fn wrong_setting_is_row_6() {
    check(ROW_6, MISCONFIGURED, MISCONFIGURED);
}

#[test]
fn explicit_rejection_is_row_7() {
    check(ROW_7, REJECTED, REJECTED);
}

#[test]
fn guessed_rejection_is_row_8_unless_known_good() {
    check(ROW_8, GUESSED, UNRESOLVED);
}

#[test]
fn unusable_token_is_row_9() {
    check(ROW_9, INVALID, INVALID);
}

#[test]
fn unresolved_response_is_row_10() {
    check(ROW_10, UNRESOLVED, UNRESOLVED);
    check(ROW_10_INCOMPLETE, INCOMPLETE, INCOMPLETE);
}

#[test]
fn error_text_names_observation_and_remedy() {
    for (status, body, expected) in [
        (
            400,
            r#"{"error":"invalid_grant","error_description":"Bad credentials"}"#,
            r#"Rejected: status 400, invalid_grant, "Bad credentials""#,
        ),
        (
            400,
            r#"{"error":{"code":"invalid_grant","message":"Bad credentials"}}"#,
            r#"Rejected: status 400, code invalid_grant, "Bad credentials""#,
        ),
        (
            200,
            r#"{"resultCode":"401","resultMessage":"Invalid key"}"#,
            r#"Rejected: status 200, resultCode 401, "Invalid key""#,
        ),
        (
            200,
            r#"{"response_code":7,"errorResponse":{"echo":"no"}}"#,
            r#"Rejected: status 200, response_code 7, "{'echo':'no'}"; unknown error, treated as a rejection"#,
        ),
        (
            200,
            r#"{"response_code":1,"payload":"Bad credentials"}"#,
            r#"Rejected: status 200, response_code 1, "Bad credentials""#,
        ),
        (
            200,
            "{}",
            "Unresolved: status 200; there is no token in the response",
        ),
        (503, "", "Unavailable: status 503"),
        (
            200,
            PAGE,
            "Unavailable: status 200; HTML page instead of a token response",
        ),
        (204, "", "Unresolved: status 204; the body is empty"),
        (200, "OK", "Unresolved: status 200; the body is not JSON"),
        (
            400,
            "(truncated)",
            "Unresolved: status 400; the body is truncated",
        ),
        (
            200,
            "(too large)",
            "Unresolved: status 200; the body is too large",
        ),
        (
            200,
            r#"{"token":"null"}"#,
            "InvalidResponse: status 200; the token cannot be used in a header",
        ),
        (
            200,
            r#"{"token":"abc","token_type":"mac"}"#,
            "InvalidResponse: status 200; the token is not a bearer token",
        ),
        (
            200,
            r#"{"token":"abc","expires_in":0}"#,
            "InvalidResponse: status 200; token already expired when received",
        ),
        (
            200,
            r#"{"token":"ab"#,
            "InvalidResponse: status 200; the body is truncated after the start of a token",
        ),
        (
            200,
            r#"{"payload":{"Access-Token" : "ab"#,
            "InvalidResponse: status 200; the body is truncated after the start of a token",
        ),
    ] {
        assert_eq!(shown(&read(status, &[], body).unwrap_err()), expected);
    }
}

#[test]
fn known_good_error_text_has_no_remark() {
    for (status, body, expected) in [
        (
            400,
            r#"{"error":"invalid_request"}"#,
            "Unresolved: status 400, invalid_request",
        ),
        (
            200,
            r#"{"resultCode":7}"#,
            "Unresolved: status 200, resultCode 7",
        ),
    ] {
        let failed = response(status, &[], body).read(SENT, &credentials(), true);
        assert_eq!(shown(failed.unwrap_err().failure()), expected);
    }
}

#[test]
fn blocked_or_unlocked_is_not_locked() {
    let between = |length| format!("Too many {}attempts", "x".repeat(length));
    for (text, is_locked) in [
        ("The account was unlocked", false),
        ("An unlocked account was locked", true),
        (&between(31), true),
        (&between(32), false),
    ] {
        let error = read(400, &[], text).unwrap_err();
        assert_eq!(
            error.kind() == FailureKind::AccountLocked,
            is_locked,
            "{text}"
        );
    }
}

#[test]
fn token_with_one_quote_is_unusable() {
    for token in [r#"\"abc"#, r#"abc\""#, "'abc", "abc'"] {
        let body = format!(r#"{{"token":"{token}"}}"#);
        let error = read(200, &[], &body).unwrap_err();
        assert_eq!(error.kind(), FailureKind::InvalidResponse, "{token}");
    }
}

#[test]
fn misconfiguration_names_the_setting() {
    for (status, body, setting) in [
        (404, "", "base address"),
        (302, "", "base address"),
        (405, "", "kind of credentials"),
        (415, "", "kind of credentials"),
        (407, "", "proxy"),
        (
            400,
            r#"{"error":"unsupported_grant_type"}"#,
            "kind of credentials",
        ),
        (400, r#"{"error":"invalid_scope"}"#, "form field `scope`"),
        (403, "", "egress address"),
    ] {
        let text = read(status, &[], body).unwrap_err().to_string();
        assert!(text.contains("check") && text.contains(setting), "{text}");
    }
}

#[test]
fn retry_after_is_seconds_or_http_date() {
    let later = "Tue, 14 Nov 2023 22:15:20 GMT";
    let earlier = "Tue, 14 Nov 2023 22:11:20 GMT";
    let (list, long) = (format!("30, {later}"), "9".repeat(400));
    for (value, date, expected) in [
        ("120", None, Some(120.0)),
        (" 0 ", None, Some(0.0)),
        ("1.5", None, Some(1.5)),
        ("0.25", None, Some(0.25)),
        ("120, 60", None, Some(120.0)),
        ("60,120.5", None, Some(120.5)),
        ("120, soon", None, Some(120.0)),
        (later, Some(DATE), Some(120.0)),
        (earlier, Some(DATE), Some(0.0)),
        (&list, Some(DATE), Some(120.0)),
        (&list, None, Some(30.0)),
        (later, None, None),
        (later, Some("today"), None),
        ("-1", None, None),
        ("soon", Some(DATE), None),
        ("inf", None, None),
        ("1e3", None, None),
        (".", None, None),
        ("", None, None),
        ("86401", None, Some(86_400.0)),
        ("18446744073709551615", None, Some(86_400.0)),
        ("99999999999999999999", None, Some(86_400.0)),
        (&long, None, Some(86_400.0)),
    ] {
        let mut headers = vec![("retry-after", value)];
        headers.extend(date.map(|date| ("date", date)));
        for (status, body) in [
            (503, ""),
            (429, ""),
            (403, PAGE),
            (200, r#"{"resultCode":500}"#),
        ] {
            let after = read(status, &headers, body).unwrap_err().retry_after();
            let after = after.map(|after| after.as_secs_f64());
            assert_eq!(after, expected, "{status} {headers:?}");
        }
        for status in [200, 400, 401, 403, 404] {
            assert_eq!(read(status, &headers, "").unwrap_err().retry_after(), None);
        }
    }
    let two = [("retry-after", "60"), ("retry-after", "120")];
    let error = read(503, &two, "").unwrap_err();
    assert_eq!(error.retry_after(), Some(secs(120)));
}

/// The kind and the text.
fn shown(failure: &Failure) -> String {
    format!("{:?}: {failure}", failure.kind())
}
