use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn says(values: &[&str]) -> Evidence {
    of_values(values.iter().map(|value| value.as_bytes()))
}

/// Cases from public bug reports.
#[test]
fn reported_challenges_are_classified() {
    let cases = include_str!("../cases/challenges.jsonl").lines();
    let mut seen = 0;
    for case in cases {
        let case: Value = serde_json::from_str(case).unwrap();
        let values = case["www_authenticate"].as_array().unwrap().iter();
        let values: Vec<_> = values.map(|value| value.as_str().unwrap()).collect();
        let expected = match case["expect"].as_str().unwrap() {
            "proof" => Evidence::Proof,
            "doubt" => Evidence::Doubt,
            "nothing" => Evidence::Nothing,
            other => panic!("{other}"),
        };
        assert_eq!(says(&values), expected, "{case}");
        seen += 1;
    }
    assert_eq!(seen, 19);
}

#[test]
fn invalid_token_is_parsed_in_every_notation() {
    for value in [
        r#"Bearer error="invalid_token""#,
        r#"Bearer realm="a", error="invalid_token", error_description="x""#,
        r#"bearer ERROR = "invalid_token""#,
        "Bearer error=invalid_token",
        r#"Bearer realm="a, \"b\", Basic",error="invalid_token""#,
        r#"Bearer realm="a\", Basic",error="invalid_token""#,
        r#"Basic realm="a", Bearer realm="b", error="invalid_token""#,
        r#"Negotiate YWJj==, Bearer error="invalid_token", Basic realm="c""#,
        r#"Bearer error="invalid\_token""#,
        r#", ,Bearer  error="invalid_token","#,
        // Not by the grammar.
        "Bearer\terror=\"invalid_token\"",
        r#"Bearer realm="a"; error="invalid_token"; scope="b""#,
        r#"Bearer ,realm="a" , error = 'invalid_token'"#,
        r#"Bearer realm=https://a.b/c?d error="invalid_token""#,
        r#"Bearer error=" invalid_token ""#,
        "Bearer \u{2013} error=\"invalid_token\"",
        "Bearer realm=caf\u{e9}, error=invalid_token",
        r#"Basic realm="a" Bearer error="invalid_token""#,
        "NTLM TlRMTVNTUAACAAAA, Bearer error=expired_token",
        "NTLM TlRM/VNT+UAA=, Bearer error=invalid_token",
        r#"Bearer error="insufficient_scope", Bearer error="invalid_token""#,
        // Once it is read, it stands.
        r#"Bearer error="invalid_token", error_description="token "abc" expired""#,
        r#"Bearer error="invalid_token", error_description="it never ends"#,
    ] {
        assert_eq!(says(&[value]), Evidence::Proof, "{value}");
    }
    // Latin-1, which is not UTF-8.
    let latin = b"Bearer error=\"invalid_token\", error_description=\"expir\xe9\"";
    let latin_first = b"Bearer realm=\"caf\xe9\", error=\"invalid_token\"";
    assert_eq!(of_values([&latin[..]].into_iter()), Evidence::Proof);
    assert_eq!(of_values([&latin_first[..]].into_iter()), Evidence::Proof);
    let second = ["Basic realm=\"a\"", "Bearer error=\"invalid_token\""];
    assert_eq!(says(&second), Evidence::Proof);
    let unreadable = ["\"", "Bearer error=\"invalid_token\""];
    assert_eq!(says(&unreadable), Evidence::Proof);
}

#[test]
fn similar_challenges_are_no_proof() {
    for value in [
        "",
        "Bearer",
        r#"Bearer realm="a""#,
        r#"Bearer error="invalid_request""#,
        r#"Bearer error="invalid_token_or_so""#,
        r#"Bearer error="INVALID_TOKEN""#,
        r#"Bearer realm="x", Basic error="invalid_token""#,
        r#"Bearer error_description="error=invalid_token""#,
        r#"Bearer realm="a, error=invalid_token""#,
        r#"Bearer error="invalid_token"#,
        r#"Bearer error='invalid_token"#,
        r#"Bearer, Digest error="invalid_token""#,
        "error=invalid_token",
        "=, ==, \"\", \\, Bearer =",
        r#"Bearer error_description="token " abc " expired", error="invalid_token""#,
        r#"Bearer error_description='it's expired', error='invalid_token'"#,
        r#"Basic realm="a"b", Bearer error="invalid_token""#,
        r#"Basic realm="it never ends, Bearer error='invalid_token'"#,
        r#"Bearer realm="a"error="invalid_token""#,
    ] {
        assert_eq!(says(&[value]), Evidence::Doubt, "{value}");
    }
}

#[test]
fn challenges_of_other_schemes_are_nothing() {
    for values in [
        &[r#"Basic error="invalid_token""#][..],
        &[r#"XBearer error="invalid_token""#],
        &[r#"Basic realm="Bearer error=\"invalid_token\"""#],
        &[r#"Bearer realm="a", error="insufficient_scope", scope="b""#],
        &["Negotiate YWJj==", "NTLM"],
        &["Basic realm=\"a\", Digest nonce=\"b\"", ""],
        &["Basic realm=\"a\"", "Bearer error=insufficient_scope"],
    ] {
        assert_eq!(says(values), Evidence::Nothing, "{values:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_can_be_read(
        values in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..4),
        words in prop::collection::vec(prop::sample::select(vec![
            "Bearer", "Basic", " ", ",", "=", "error", "invalid_token", "\"", "'", "\\", "\u{e9}", ";",
        ]), 0..20),
    ) {
        let text = words.concat();
        let bytes = values.iter().map(Vec::as_slice);
        let evidence = of_values(bytes.chain([text.as_bytes()]));
        let has_words = |value: &[u8]| {
            let text = String::from_utf8_lossy(value).replace('\\', "");
            text.to_ascii_lowercase().contains("bearer") && text.contains("_token")
        };
        if !has_words(text.as_bytes()) && !values.iter().any(|value| has_words(value)) {
            prop_assert_ne!(evidence, Evidence::Proof);
        }
        // What another scheme says beside it changes nothing, unless there was nothing.
        let more = of_values([text.as_bytes(), b"Basic realm=\"a\""].into_iter());
        prop_assert_eq!(more, of_value(text.as_bytes()).unwrap_or(Evidence::Nothing));
    }
}
