//! The server's text in errors: never a secret, never a token.

use base64::{Engine, prelude::BASE64_STANDARD};
use enkash_auth_core::{Client, Credentials, Failure, User};
use proptest::prelude::*;
use serde_json::json;

use super::support::{credentials, response};
use crate::support::SENT;

fn rejected(credentials: &Credentials, body: &serde_json::Value) -> Failure {
    response(400, &[], &body.to_string())
        .read(SENT, credentials, false)
        .expect_err("status 400")
        .into_failure()
}

/// The server's text as an error repeats it.
fn repeated(credentials: &Credentials, text: &str) -> String {
    let error = rejected(credentials, &json!({ "error_description": text }));
    let shown = error.to_string();
    assert!(format!("{error:?}").contains(&format!("{shown:?}")));
    let (_, rest) = shown.split_once(", \"").unwrap_or_default();
    let (text, _) = rest.rsplit_once('"').unwrap_or_default();
    text.to_owned()
}

fn with_password(password: &str) -> Credentials {
    Credentials::password(
        Client::new("client-id", "cl1ent-s3cret"),
        User::new("user", password),
    )
}

#[test]
fn harmless_text_is_kept() {
    for text in [
        "Bad credentials",
        "उपयोगकर्ता का खाता बंद है",
        "100 % wrong: 'id', try again (3/3)",
        "an_error_code_of_oauth is no token",
    ] {
        assert_eq!(repeated(&credentials(), text), text);
    }
}

#[test]
fn secrets_are_redacted() {
    let credentials = Credentials::password(
        Client::new("client-id", "cl1ent-s3cret"),
        User::new("user", "p4ss wörd+&%"),
    )
    .api_key("ap1-key")
    .form_field("otp", "4711-0815");
    let basic = BASE64_STANDARD.encode("client-id:cl1ent-s3cret");
    for (name, echo) in [
        ("client secret", "cl1ent-s3cret"),
        ("password", "p4ss wörd+&%"),
        ("password in capitals", "P4SS Wörd+&%"),
        ("password as in a form", "p4ss+w%C3%B6rd%2B%26%25"),
        ("password as in a URL", "p4ss%20w%C3%B6rd%2B%26%25"),
        ("API key", "ap1-key"),
        ("form field", "4711-0815"),
        ("Basic pair", &basic),
        ("Basic pair without padding", basic.trim_end_matches('=')),
    ] {
        assert_eq!(
            repeated(&credentials, &format!("no: {echo}!")),
            "no: […]!",
            "{name}"
        );
    }
    let keys = Credentials::merchant("acc-key", "s3cr3t");
    assert_eq!(repeated(&keys, "acc-key or s3cr3t"), "[…] or […]");
}

/// In the encodings of pages, scripts and proxies, in any order.
#[test]
fn encoded_secrets_are_redacted() {
    for secret in [
        "p4ss<wörd>&'\"%41/\\😀 x",
        "%2541&amp;#x41;\\u0041",
        "a+b c%20d",
    ] {
        let credentials = with_password(secret);
        let percent =
            |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02x}")).collect() };
        let html = |text: &str| {
            let text = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            text.replace('"', "&quot;")
                .replace('\'', "&#39;")
                .replace('/', "&#x2F;")
        };
        let unicode = |text: &str| -> String {
            text.encode_utf16()
                .map(|unit| format!("\\u{unit:04x}"))
                .collect()
        };
        let json = |text: &str| {
            let quoted = json!(text).to_string();
            let inner = quoted.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
            inner.unwrap().to_owned()
        };
        let encodings: [&dyn Fn(&str) -> String; 4] = [&percent, &html, &unicode, &json];
        for outer in encodings {
            for inner in encodings {
                let echo = outer(&inner(secret));
                assert_eq!(
                    repeated(&credentials, &format!("no: {echo}!")),
                    "no: […]!",
                    "{echo}"
                );
            }
        }
    }
}

#[test]
fn text_of_too_many_layers_is_not_repeated() {
    let layers = |count| format!("no: &{}lt;", "amp;".repeat(count));
    assert_eq!(repeated(&credentials(), &layers(5)), "no: <");
    assert_eq!(repeated(&credentials(), &layers(10)), "[…]");
}

#[test]
fn short_basic_pair_is_redacted() {
    let credentials = Credentials::password(Client::new("i", "s3c"), User::new("u", "p4ssw0rd"));
    let basic = BASE64_STANDARD.encode("i:s3c");
    assert!(basic.len() < 16 && basic.ends_with('='));
    for echo in [basic.as_str(), basic.trim_end_matches('=')] {
        assert_eq!(
            repeated(&credentials, &format!("Basic {echo}")),
            "Basic […]"
        );
    }
}

#[test]
fn short_secret_is_redacted_only_as_a_word() {
    let credentials = with_password("red");
    assert_eq!(
        repeated(&credentials, "Bad credentials, 'red'"),
        "Bad credentials, '[…]'"
    );
    assert_eq!(
        repeated(&with_password(""), "Bad credentials"),
        "Bad credentials"
    );
}

#[test]
fn overlapping_secrets_are_redacted_completely() {
    let credentials = with_password("s3cret-and-more");
    assert_eq!(repeated(&credentials, "<cl1ent-s3cret-and-more>"), "<[…]>");
    let credentials = with_password("cl1ent-s3cret-2");
    assert_eq!(repeated(&credentials, "<cl1ent-s3cret-2>"), "<[…]>");
}

#[test]
fn secret_formed_by_printable_conversion_is_redacted() {
    assert_eq!(
        repeated(&with_password("p4ss w0rd"), "<p4ss\r\n\tw0rd>"),
        "<[…]>"
    );
    assert_eq!(
        repeated(&with_password("p4ss'w0rd"), "<p4ss\"w0rd>"),
        "<[…]>"
    );
    assert_eq!(
        repeated(&with_password("p4ss\nw0rd"), "<p4ss\nw0rd>"),
        "<[…]>"
    );
}

#[test]
fn tokens_are_redacted() {
    for (text, expected) in [
        (
            "Invalid access token: 2YotnFZFEjr1zCsicMWpAA",
            "Invalid access token: […]",
        ),
        ("eyJhbGciOiJub25lIn0.e30.c2ln+/=~", "[…]"),
        ("123456789012345", "123456789012345"),
        ("1234567890123456", "[…]"),
        ("abcdefghijklmnop", "abcdefghijklmnop"),
        ("abcdefghijklmnoP", "[…]"),
    ] {
        assert_eq!(repeated(&credentials(), text), expected);
    }
}

#[test]
fn tokens_of_the_response_are_redacted_in_any_form() {
    for name in [
        "access_token",
        "accessToken",
        "token",
        "refresh_token",
        "refreshToken",
    ] {
        for token in ["sh0rt", "abcdefghijklmnopqrstuvwxyz"] {
            let body = json!({ name: token, "error_description": format!("no: {token}") });
            let error = rejected(&credentials(), &body).to_string();
            assert!(
                error.contains("no: […]") && !error.contains(token),
                "{error}"
            );
        }
    }
}

#[test]
fn every_field_is_filtered() {
    for body in [
        json!({ "error": "p4ssw0rd!" }),
        json!({ "error": { "code": "p4ssw0rd!" } }),
        json!({ "resultCode": "p4ssw0rd!" }),
        json!({ "response_code": ["p4ssw0rd!"] }),
        json!({ "resultMessage": "p4ssw0rd!" }),
        json!({ "response_message": "p4ssw0rd!" }),
        json!({ "errorResponse": { "echo": "p4ssw0rd!" } }),
        json!({ "payload": { "resultMessage": "p4ssw0rd!" } }),
    ] {
        let error = rejected(&credentials(), &body).to_string();
        assert!(
            error.contains("[…]") && !error.contains("p4ssw0rd"),
            "{error}"
        );
    }
    let number = rejected(
        &with_password("12345678"),
        &json!({ "resultCode": 12_345_678 }),
    );
    assert!(number.to_string().contains("resultCode […]"), "{number}");
    let quoted = rejected(
        &with_password("p4\"ss\\"),
        &json!({ "errorResponse": ["p4\"ss\\"] }),
    );
    assert!(quoted.to_string().contains("['[…]']"), "{quoted}");
}

#[test]
fn error_text_is_one_printable_line() {
    let text = "a\0b\nc\r\nd\te\u{7f}f\u{9b}g\u{202e}h\u{200b}i\u{2028}j\"k";
    assert_eq!(repeated(&credentials(), text), "a b c d e f g h i j'k");
}

#[test]
fn long_text_is_truncated_after_redaction() {
    let words = "wort ".repeat(100);
    let shown = repeated(&credentials(), &words);
    assert_eq!(shown.chars().count(), 200);
    assert!(shown.ends_with('…'));
    // At every position around the cut.
    for before in 170..=200 {
        let text = format!("{}p4ssw0rd! and on", "ö".repeat(before));
        let shown = repeated(&credentials(), &text);
        assert!(!shown.contains("p4"), "{shown}");
        assert!(shown.chars().count() <= 200);
    }
}

proptest! {
    #[test]
    fn random_text_never_reveals_a_secret(
        before in "\\PC{0,250}",
        after in ".{0,80}",
        secret in "[0-9][ -~]{2,30}[0-9]",
        glue in "[ a-zA-Z0-9=:\"'\n]{0,3}",
    ) {
        let credentials = with_password(&secret);
        let shown = repeated(&credentials, &format!("{before}{glue}{secret}{glue}{after}"));
        prop_assert!(!shown.contains(&secret), "{shown:?}");
        prop_assert!(shown.chars().count() <= 200);
        prop_assert!(!shown.chars().any(char::is_control));
    }

    #[test]
    fn random_text_never_reveals_a_token(
        before in "\\PC{0,250}",
        after in ".{0,80}",
        token in "[A-Z0-9][A-Za-z0-9._~+/=-]{15,40}",
    ) {
        let shown = repeated(&credentials(), &format!("{before}{token}{after}"));
        prop_assert!(!shown.contains(&token), "{shown:?}");
        let start = token.get(..8).unwrap_or_default();
        prop_assert!(before.contains(start) || after.contains(start) || !shown.contains(start));
    }
}
