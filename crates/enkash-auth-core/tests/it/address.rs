//! Addresses of token servers, and origins that may see tokens.

use std::error::Error as _;

use enkash_auth_core::{BaseUrl, Client, Credentials, Environment, Origin, User};
use http::Uri;

fn origin(text: &str) -> Origin {
    text.parse().expect(text)
}

fn uri(text: &str) -> Uri {
    text.parse().expect(text)
}

#[test]
fn origin_matches_any_spelling_of_same_origin() {
    let origin = origin("https://API.enkash.in/");
    assert_eq!(origin.to_string(), "https://api.enkash.in");
    for same in [
        "https://api.enkash.in",
        "https://api.enkash.in/",
        "HTTPS://Api.EnKash.IN/api/v0/payouts?x=y",
        "https://api.enkash.in:443/api",
        "https://api.enkash.in:/api",
    ] {
        assert!(origin.matches(&uri(same)), "{same}");
    }
}

#[test]
fn foreign_origin_does_not_match() {
    let origin = origin("https://api.enkash.in");
    for foreign in [
        "http://api.enkash.in/",
        "http://api.enkash.in:443/",
        "https://api.enkash.in:8443/",
        "https://api.enkash.in:80/",
        "https://api.enkash.in.example/",
        "https://api.enkash.in./",
        "https://xapi.enkash.in/",
        "https://enkash.in/",
        "https://api-enkash.in/",
        "https://api.enkash.in@evil.example/",
        "https://evil.example@api.enkash.in/",
        "https://evil.example:443@api.enkash.in/",
        "https://evil.example/api.enkash.in",
        "https://evil.example/?https://api.enkash.in",
        "wss://api.enkash.in/",
        "/api/v0/payouts",
        "api.enkash.in:443",
    ] {
        assert!(!origin.matches(&uri(foreign)), "{foreign}");
    }
}

#[test]
fn port_distinguishes_origins() {
    let custom = origin("https://api.enkash.in:8443");
    assert!(custom.matches(&uri("https://API.enkash.in:8443/x")));
    assert!(!custom.matches(&uri("https://api.enkash.in/x")));
    assert_eq!(
        origin("https://api.enkash.in:443"),
        origin("https://api.enkash.in")
    );
    assert_eq!(origin("http://localhost:80"), origin("http://localhost"));
    assert_ne!(origin("http://localhost:443"), origin("https://localhost"));
    assert_ne!(origin("https://localhost:80"), origin("http://localhost"));
}

#[test]
fn ipv6_origin_matches() {
    let six = origin("https://[2001:DB8::1]:443");
    assert_eq!(six.to_string(), "https://[2001:db8::1]");
    assert!(six.matches(&uri("https://[2001:db8::1]/")));
    assert!(!six.matches(&uri("https://[2001:db8::1]:8443/")));
    assert!(!six.matches(&uri("https://[2001:db8::2]/")));
    assert!(origin("http://[::1]:8080").matches(&uri("http://[::1]:8080/x")));
}

#[test]
fn plain_http_requires_loopback() {
    for loopback in [
        "http://localhost",
        "http://LOCALHOST:8080",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]",
    ] {
        assert!(loopback.parse::<Origin>().is_ok(), "{loopback}");
        assert!(loopback.parse::<BaseUrl>().is_ok(), "{loopback}");
    }
    for other in [
        "http://api.enkash.in",
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::]",
        "http://[::2]",
        "http://localhost.example",
        "http://notlocalhost",
        "http://127.0.0.1.example",
        "http://127.1",
        "http://2130706433",
    ] {
        let error = other.parse::<Origin>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid setting: origin: http is for loopback only"
        );
        assert!(other.parse::<BaseUrl>().is_err(), "{other}");
    }
}

#[test]
fn invalid_origin_is_rejected_with_reason() {
    for (text, why) in [
        ("", "not a valid URL"),
        ("https://", "not a valid URL"),
        ("https://a b", "not a valid URL"),
        ("/", "it has no scheme or no host"),
        ("api.enkash.in", "it has no scheme or no host"),
        ("ftp://api.enkash.in", "its scheme is not https"),
        ("https://user@api.enkash.in", "it has user information"),
        (
            "https://user:s3cret@api.enkash.in",
            "it has user information",
        ),
        ("https://:443", "it has no host"),
        ("https://api.enkash.in:65536", "it has an invalid port"),
        ("https://api.enkash.in/path", "it has a path or a query"),
        ("https://api.enkash.in?query", "it has a path or a query"),
        ("https://api.enkash.in/#s3cret", "it has a fragment"),
    ] {
        let error = text.parse::<Origin>().unwrap_err();
        let shown = error.to_string();
        assert_eq!(shown, format!("invalid setting: origin: {why}"), "{text}");
        assert!(!format!("{error:?}").contains("s3cret"));
    }
}

#[test]
fn base_url_is_normalized() {
    for (text, expected) in [
        ("https://API.enkash.in", "https://api.enkash.in"),
        ("HTTPS://api.enkash.in/", "https://api.enkash.in"),
        ("https://api.enkash.in:443//", "https://api.enkash.in"),
        (
            "https://api.enkash.in:8443/A/b/",
            "https://api.enkash.in:8443/A/b",
        ),
        ("http://[::1]:4010/", "http://[::1]:4010"),
    ] {
        let base: BaseUrl = text.parse().unwrap();
        assert_eq!(base.as_str(), expected);
        assert_eq!(base.to_string(), expected);
        assert_eq!(expected.parse::<BaseUrl>().unwrap(), base);
        assert!(base.origin().matches(&uri(text)));
    }
}

#[test]
fn invalid_base_url_is_rejected_with_reason() {
    for (text, why, cause) in [
        ("", "not a valid URL", None),
        ("https://api.enkash.in/?q", "it has a query", None),
        ("https://api.enkash.in?", "it has a query", None),
        ("https://api.enkash.in/#f", "it has a fragment", None),
        (
            "/oauth",
            "not an allowed origin",
            Some("it has no scheme or no host"),
        ),
        (
            "api.enkash.in",
            "not an allowed origin",
            Some("it has no scheme or no host"),
        ),
        (
            "https://u:s3cret@api.enkash.in",
            "not an allowed origin",
            Some("it has user information"),
        ),
        (
            "http://api.enkash.in",
            "not an allowed origin",
            Some("http is for loopback only"),
        ),
        (
            "ftp://api.enkash.in",
            "not an allowed origin",
            Some("its scheme is not https"),
        ),
    ] {
        let error = text.parse::<BaseUrl>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("invalid setting: base address: {why}"),
            "{text}"
        );
        assert!(!format!("{error:?}").contains("s3cret"));
        if let Some(cause) = cause {
            let source = error.source().unwrap().to_string();
            assert_eq!(source, format!("invalid setting: origin: {cause}"));
        }
    }
}

#[test]
fn environment_has_server_for_each_credentials_kind() {
    let form = Credentials::password(Client::new("c", "s"), User::new("u", "p"));
    let keys = Credentials::merchant("a", "s");
    for (environment, for_form, for_keys) in [
        (
            Environment::Test,
            "https://ekpayout-uat.enkash.in",
            "https://olympus-pg-uat.enkash.in",
        ),
        (
            Environment::TestCards,
            "https://pay-uat.enkash.in",
            "https://olympus-pg-uat.enkash.in",
        ),
        (
            Environment::Live,
            "https://api.enkash.in",
            "https://olympus-pg.enkash.in",
        ),
        (
            Environment::LiveCards,
            "https://pay.enkash.in",
            "https://olympus-pg.enkash.in",
        ),
        (
            Environment::custom("http://127.0.0.1:4010/").unwrap(),
            "http://127.0.0.1:4010",
            "http://127.0.0.1:4010",
        ),
    ] {
        assert_eq!(environment.base_url(&form).unwrap().as_str(), for_form);
        assert_eq!(environment.base_url(&keys).unwrap().as_str(), for_keys);
    }
    assert!(Environment::custom("http://api.enkash.in").is_err());
    let base: BaseUrl = "https://api.enkash.in".parse().unwrap();
    assert_eq!(Environment::from(base.clone()), Environment::Custom(base));
}

#[test]
fn default_port_is_not_displayed() {
    for (text, shown) in [
        ("https://api.enkash.in:443", "https://api.enkash.in"),
        ("https://api.enkash.in:80", "https://api.enkash.in:80"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://127.0.0.1:443", "http://127.0.0.1:443"),
    ] {
        assert_eq!(origin(text).to_string(), shown);
    }
}

#[test]
fn environment_is_parsed_by_its_name_alone() {
    for (name, environment) in [
        ("test", Environment::Test),
        ("test-cards", Environment::TestCards),
        ("live", Environment::Live),
        ("live-cards", Environment::LiveCards),
    ] {
        assert_eq!(name.parse::<Environment>().expect(name), environment);
    }
    let error = "https://api.enkash.in"
        .parse::<Environment>()
        .expect_err("a name");
    assert!(!error.to_string().contains("api.enkash.in"));
}

#[test]
fn addresses_deserialize_from_the_text_they_parse_from() {
    let origin: Origin = serde_json::from_str(r#""https://pay.enkash.in""#).unwrap();
    assert_eq!(origin.to_string(), "https://pay.enkash.in");
    let base: BaseUrl = serde_json::from_str(r#""https://api.enkash.in/""#).unwrap();
    assert_eq!(base.as_str(), "https://api.enkash.in");
    let environment: Environment = serde_json::from_str(r#""live-cards""#).unwrap();
    assert_eq!(environment, Environment::LiveCards);
    let error = serde_json::from_str::<Origin>(r#""http://pay.enkash.in""#).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("origin: http is for loopback only"),
        "{error}"
    );
}
