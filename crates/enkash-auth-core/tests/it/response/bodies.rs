//! How a body is decoded before the rules apply.

use std::{io::Write, time::Duration};

use bytes::Bytes;
use enkash_auth_core::{
    FailedAttempt, Failure, FailureKind, Grant, ResponseBody, TokenResponse,
    account::AttemptOutcome,
};
use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use proptest::prelude::*;

use super::support::{credentials, with_body};
use crate::support::SENT;

const GRANT: &[u8] = br#"{"access_token":"abc","expires_in":60}"#;
const REJECTION: &[u8] = br#"{"error":"invalid_grant"}"#;

const ENCODINGS: [&str; 4] = ["gzip", "x-gzip", "deflate", "identity"];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn read(status: u16, encoding: &str, bytes: Vec<u8>) -> Result<Grant, Failure> {
    read_body(status, encoding, ResponseBody::Complete(bytes.into()))
}

fn read_body(status: u16, encoding: &str, body: ResponseBody) -> Result<Grant, Failure> {
    let response = with_body(status, &[("content-encoding", encoding)], body);
    response
        .read(SENT, &credentials(), false)
        .map_err(FailedAttempt::into_failure)
}

#[test]
fn gzip_is_inflated_whatever_the_content_encoding() {
    for encoding in ENCODINGS {
        assert!(read(200, encoding, gzip(GRANT)).is_ok(), "{encoding}");
        let error = read(400, encoding, gzip(REJECTION)).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Rejected, "{encoding}");
        assert!(error.to_string().ends_with("invalid_grant"), "{error}");
    }
}

#[test]
fn deflate_is_inflated_in_both_formats() {
    for encoding in ["deflate", "DEFLATE "] {
        assert!(read(200, encoding, zlib(GRANT)).is_ok());
        assert!(read(200, encoding, deflate(GRANT)).is_ok());
        let error = read(400, encoding, zlib(REJECTION)).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Rejected);
    }
}

#[test]
fn already_inflated_body_is_read_verbatim() {
    for encoding in ENCODINGS {
        assert!(read(200, encoding, GRANT.to_vec()).is_ok(), "{encoding}");
        let page = b"<html>401</html>".to_vec();
        let error = read(403, encoding, page).unwrap_err();
        assert_eq!(error.kind(), FailureKind::Unavailable, "{encoding}");
    }
}

#[test]
fn decompression_bomb_is_too_large() {
    let spaces = vec![b' '; TokenResponse::MAX_BODY - GRANT.len()];
    let longest = [GRANT, &spaces].concat();
    assert!(read(200, "gzip", gzip(&longest)).is_ok());
    for bomb in [[&longest[..], b" "].concat(), vec![b' '; 1 << 20]] {
        for (encoding, bomb) in [("gzip", gzip(&bomb)), ("deflate", zlib(&bomb))] {
            assert!(bomb.len() <= TokenResponse::MAX_BODY);
            let error = read(200, encoding, bomb).unwrap_err().to_string();
            assert!(error.ends_with("the body is too large"), "{error}");
        }
    }
}

#[test]
fn truncated_compressed_body_is_read_as_far_as_possible() {
    let whole = gzip(GRANT);
    for end in 3..whole.len() - 8 {
        let part = Bytes::copy_from_slice(&whole[..end]);
        for body in [
            ResponseBody::Complete(part.clone()),
            ResponseBody::Truncated(part),
        ] {
            let error = read_body(200, "gzip", body).unwrap_err();
            let kind = error.kind();
            assert!(
                matches!(kind, FailureKind::Unresolved | FailureKind::InvalidResponse),
                "{end}: {error}"
            );
        }
    }
    let damaged: Vec<_> = whole.iter().take(2).chain(b"no gzip").copied().collect();
    let error = read(200, "gzip", damaged).unwrap_err();
    assert_eq!(error.kind(), FailureKind::Unresolved);
}

#[test]
fn byte_order_mark_is_removed() {
    let marked = |bytes: &[u8]| [b"\xef\xbb\xbf", bytes].concat();
    assert!(read(200, "identity", marked(GRANT)).is_ok());
    assert!(read(200, "gzip", gzip(&marked(GRANT))).is_ok());
    let error = read(400, "identity", marked(REJECTION)).unwrap_err();
    assert!(error.to_string().ends_with("invalid_grant"), "{error}");
    let error = read(200, "identity", marked(b"")).unwrap_err();
    assert!(error.to_string().ends_with("the body is empty"), "{error}");
}

#[test]
fn invalid_utf8_is_replaced() {
    let latin1 = b"{\"access_token\":\"abc\",\"name\":\"Jos\xe9\",\"expires_in\":60}";
    assert!(read(200, "identity", latin1.to_vec()).is_ok());
    assert!(read(200, "gzip", gzip(latin1)).is_ok());
    let rejection = b"{\"error\":\"invalid_grant\",\"error_description\":\"no v\xe1lido\"}";
    let error = read(400, "identity", rejection.to_vec()).unwrap_err();
    assert!(
        error.to_string().ends_with("\"no v\u{fffd}lido\""),
        "{error}"
    );
    let token = read(200, "identity", b"{\"access_token\":\"t\xf6k\"}".to_vec());
    assert_eq!(token.unwrap_err().kind(), FailureKind::InvalidResponse);
}

proptest! {
    #[test]
    fn random_body_never_panics_or_guesses_for_known_good(
        status in 100_u16..=999,
        encoding in prop::sample::select(&ENCODINGS[..]),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        text in "[{}\\[\\]\":,a-z0-9e.\\-\\\\<> \n]{0,64}",
        is_truncated in any::<bool>(),
    ) {
        let bodies = [gzip(&bytes), zlib(&bytes), bytes, text.into_bytes()];
        for bytes in bodies {
            let body = match is_truncated {
                true => ResponseBody::Truncated(bytes.into()),
                false => ResponseBody::Complete(bytes.into()),
            };
            let response = with_body(status, &[("content-encoding", encoding)], body);
            let failed = response.read(SENT, &credentials(), true).err();
            let outcome = failed.map(|failed| failed.outcome());
            prop_assert_ne!(outcome, Some(AttemptOutcome::Rejected { guessed: true }));
        }
    }
}

#[test]
fn huge_number_is_null_and_control_character_is_space() {
    let read = |status, text: &str| read(status, "identity", text.into());
    let long = "1".repeat(400);
    for number in ["1e400", "-1e400", &long] {
        let text = format!(r#"{{"token":"abc","expires_in":{number},"other":[{number},1]}}"#);
        let grant = read(200, &text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(grant.lifetime().length(), Some(Duration::from_secs(300)));
    }
    for (status, text, expected) in [
        (400, r#"{"a":1e400,"msg":"1e400"}"#, "status 400, \"1e400\""),
        (
            400,
            r#"{"a":1e400,"msg":"\"1e400\\"}"#,
            "status 400, \"'1e400\\\"",
        ),
        (400, "{\"msg\":\"b\n\tc\"}", "status 400, \"b c\""),
        (
            400,
            r#"{"a":[-1e400,2,true],"msg":"d"}"#,
            "status 400, \"d\"",
        ),
        (200, r#"{"a":1e400"#, "the body is truncated"),
        (200, "<1e400>", "the body is not JSON"),
    ] {
        let error = read(status, text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}
