use http::HeaderValue;

use super::*;

fn says(values: &[&str]) -> bool {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
    }
    has_invalid_token(&headers)
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
    ] {
        assert!(says(&[value]), "{value}");
    }
    assert!(says(&[
        "Basic realm=\"a\"",
        "Bearer error=\"invalid_token\""
    ]));
}

#[test]
fn similar_challenges_are_not_invalid_token() {
    for value in [
        "",
        "Bearer",
        r#"Bearer realm="a""#,
        r#"Bearer error="insufficient_scope""#,
        r#"Bearer error="invalid_token_or_so""#,
        r#"Bearer error="INVALID_TOKEN""#,
        r#"Basic error="invalid_token""#,
        r#"Bearer realm="x", Basic error="invalid_token""#,
        r#"Bearer error_description="error=invalid_token""#,
        r#"Bearer realm="a, error=invalid_token""#,
        r#"Bearer error="invalid_token"#,
        r#"Bearer, Digest error="invalid_token""#,
        r#"XBearer error="invalid_token""#,
        "error=invalid_token",
        "=, ==, \"\", \\, Bearer =",
    ] {
        assert!(!says(&[value]), "{value}");
    }
}
