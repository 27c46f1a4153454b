//! The token request in both dialects, and invalid settings.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use enkash_auth_core::{BaseUrl, Client, Credentials, InvalidSetting, TokenRequest, User};
use http::{Method, Request};

/// Characters that a form, a URL or JSON must escape.
const ODD: &str = "p+s&s%41=\u{e9} \"\\:#é€😀;/?";

fn credentials() -> Credentials {
    Credentials::password(
        Client::new("client-id", "cl1ent-s3cret"),
        User::new("user@example.com", "p4ssw0rd!"),
    )
}

fn base() -> BaseUrl {
    "https://api.enkash.in".parse().expect("a base address")
}

fn request(credentials: &Credentials) -> Request<Bytes> {
    TokenRequest::new(&base(), credentials)
        .expect("good settings")
        .into_http()
}

fn setting_error(credentials: &Credentials) -> InvalidSetting {
    TokenRequest::new(&base(), credentials).expect_err("a bad setting")
}

fn fields(request: &Request<Bytes>) -> Vec<(String, String)> {
    form_urlencoded::parse(request.body())
        .into_owned()
        .collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn password_credentials_are_sent_as_form() {
    let request = request(&credentials());
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://api.enkash.in/oauth/token");
    assert_eq!(
        request.headers()["content-type"],
        "application/x-www-form-urlencoded"
    );
    assert_eq!(
        request.headers()["authorization"],
        format!(
            "Basic {}",
            BASE64_STANDARD.encode("client-id:cl1ent-s3cret")
        ),
    );
    assert!(!request.headers().contains_key("api-key"));
    assert_eq!(
        fields(&request),
        [
            pair("grant_type", "password"),
            pair("username", "user@example.com"),
            pair("password", "p4ssw0rd!"),
        ],
    );
}

#[test]
fn merchant_keys_are_sent_as_json() {
    let request = request(&Credentials::merchant(ODD, "s3cret").api_key("the-key"));
    assert_eq!(request.method(), Method::POST);
    assert_eq!(request.uri(), "https://api.enkash.in/api/v0/merchant/token");
    assert_eq!(request.headers()["content-type"], "application/json");
    assert_eq!(request.headers()["api-key"], "the-key");
    assert!(!request.headers().contains_key("authorization"));
    let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(
        body,
        serde_json::json!({ "accessKey": ODD, "secretKey": "s3cret" })
    );
}

#[test]
fn requests_accept_json_in_english_and_set_user_agent() {
    for credentials in [credentials(), Credentials::merchant("access", "secret")] {
        let request = request(&credentials);
        let agent = concat!("enkash-auth/", env!("CARGO_PKG_VERSION"));
        assert_eq!(request.headers()["user-agent"], agent);
        assert_eq!(request.headers()["accept"], "application/json");
        assert_eq!(request.headers()["accept-language"], "en");
        assert!(!request.headers().contains_key("cookie"));
    }
}

#[test]
fn base_url_path_is_kept() {
    let base: BaseUrl = "https://proxy.example:8443/enkash/".parse().unwrap();
    for (credentials, expected) in [
        (
            credentials(),
            "https://proxy.example:8443/enkash/oauth/token",
        ),
        (
            Credentials::merchant("access", "secret"),
            "https://proxy.example:8443/enkash/api/v0/merchant/token",
        ),
    ] {
        let request = TokenRequest::new(&base, &credentials).unwrap().into_http();
        assert_eq!(request.uri(), expected);
    }
}

#[test]
fn probe_uses_token_path_without_secrets() {
    let password = credentials()
        .company_id("CEK1")
        .form_field("scope", "read")
        .api_key("4pi-k3y");
    let merchant = Credentials::merchant("access-key", "secret-key").api_key("4pi-k3y");
    for (credentials, path) in [
        (password, "/oauth/token"),
        (merchant, "/api/v0/merchant/token"),
    ] {
        let base = "https://api.enkash.in/below".parse().unwrap();
        let probe = TokenRequest::probe(&base, &credentials)
            .unwrap()
            .into_http();
        assert_eq!(probe.method(), Method::HEAD);
        assert_eq!(
            probe.uri().to_string(),
            format!("https://api.enkash.in/below{path}")
        );
        assert!(probe.body().is_empty());
        let agent = concat!("enkash-auth/", env!("CARGO_PKG_VERSION"));
        assert_eq!(probe.headers()["user-agent"], agent);
        assert_eq!(probe.headers().len(), 1);
    }
}

#[test]
fn basic_header_encodes_raw_values() {
    for secret in ["100%", "a%2Bb", "a+b", "a:b:c", "pässwörd€", " ", ODD] {
        let client = Client::new("cliént+%", secret);
        let request = request(&Credentials::password(
            client,
            User::new("user", "password"),
        ));
        let value = request.headers()["authorization"].to_str().unwrap();
        let encoded = value.strip_prefix("Basic ").unwrap();
        let decoded = BASE64_STANDARD.decode(encoded).unwrap();
        assert_eq!(decoded, format!("cliént+%:{secret}").into_bytes());
    }
}

#[test]
fn form_round_trips() {
    let credentials = Credentials::password(Client::new("id", "secret"), User::new(ODD, ODD))
        .company_id(ODD)
        .form_field("scope", "read write")
        .form_field("sc&=pe", ODD);
    let request = request(&credentials);
    assert!(request.body().is_ascii());
    assert_eq!(
        fields(&request),
        [
            pair("grant_type", "password"),
            pair("username", ODD),
            pair("password", ODD),
            pair("clientId", ODD),
            pair("scope", "read write"),
            pair("sc&=pe", ODD),
        ],
    );
}

#[test]
fn headers_with_secrets_are_sensitive() {
    let request = request(&credentials().api_key("ap1-key"));
    for name in ["authorization", "api-key"] {
        assert!(request.headers()[name].is_sensitive(), "{name}");
    }
    let shown = format!("{:?}", request.headers());
    assert!(
        !shown.contains("ap1-key") && !shown.contains("Basic"),
        "{shown}"
    );
}

#[test]
fn invalid_setting_is_named() {
    let form = |id, secret, name, password| {
        Credentials::password(Client::new(id, secret), User::new(name, password))
    };
    let mut rows = vec![
        (form("", "s", "u", "p"), "client id: it is empty".to_owned()),
        (
            form("a:b", "s", "u", "p"),
            "client id: it has a colon".to_owned(),
        ),
        (
            form("c", "", "u", "p"),
            "client secret: it is empty".to_owned(),
        ),
        (form("c", "s", "", "p"), "username: it is empty".to_owned()),
        (form("c", "s", "u", ""), "password: it is empty".to_owned()),
        (
            credentials().company_id(""),
            "company id: it is empty".to_owned(),
        ),
        (
            credentials().form_field("", "v"),
            "form field: its name is empty".to_owned(),
        ),
        (credentials().api_key(""), "API key: it is empty".to_owned()),
        (
            credentials().api_key("a\u{1}b"),
            "API key: not a valid header value".to_owned(),
        ),
        (
            Credentials::merchant("", "s"),
            "access key: it is empty".to_owned(),
        ),
        (
            Credentials::merchant("a", ""),
            "secret key: it is empty".to_owned(),
        ),
        (
            Credentials::merchant("a", "s").company_id("CEK"),
            "company id: merchant keys are sent without one".to_owned(),
        ),
        (
            Credentials::merchant("a", "s").form_field("scope", "read"),
            "form field \"scope\": merchant keys are sent as JSON".to_owned(),
        ),
    ];
    for name in ["grant_type", "username", "password", "clientId"] {
        let text = format!("form field {name:?}: the request sets it itself");
        rows.push((credentials().form_field(name, "value"), text));
    }
    for (credentials, expected) in rows {
        let error = setting_error(&credentials);
        assert_eq!(error.to_string(), format!("invalid setting: {expected}"));
    }
}

#[test]
fn trailing_line_end_of_secret_is_not_sent() {
    for end in ["\n", "\r\n"] {
        let line = |text: &str| format!("{text}{end}");
        let same = credentials()
            .api_key(line("ap1-key"))
            .form_field("scope", line("read write"));
        let user = User::new("user@example.com", line("p4ssw0rd!"));
        let mine = Credentials::password(Client::new("client-id", line("cl1ent-s3cret")), user)
            .api_key("ap1-key")
            .form_field("scope", "read write");
        assert_eq!(mine.fingerprint([0; 16]), same.fingerprint([0; 16]));
        let (mine, same) = (request(&mine), request(&same));
        assert_eq!((mine.headers(), mine.body()), (same.headers(), same.body()));
        let keys = Credentials::merchant(line("acc3ss"), line("s3cret-key"));
        let same = Credentials::merchant("acc3ss", "s3cret-key");
        assert_eq!(request(&keys).body(), request(&same).body());
    }
}

#[test]
fn secret_with_inner_line_end_is_invalid_setting() {
    for secret in [
        "a\nb",
        "\na",
        "a\n\n",
        "a\r\n\n",
        "a\r",
        "a\rb",
        "a\0",
        "a\0b",
        "\u{feff}a",
        "a\u{feff}",
        "a\u{feff}\n",
    ] {
        let form = |client, password| {
            Credentials::password(Client::new("id", client), User::new("user", password))
        };
        for (credentials, setting) in [
            (form(secret, "p"), "client secret"),
            (form("s", secret), "password"),
            (credentials().api_key(secret), "API key"),
            (
                credentials().form_field("otp", secret),
                "form field \"otp\"",
            ),
            (Credentials::merchant(secret, "s"), "access key"),
            (Credentials::merchant("a", secret), "secret key"),
        ] {
            let error = setting_error(&credentials);
            assert_eq!(
                error.to_string(),
                format!(
                    "invalid setting: {setting}: it has a line end, NUL or a byte order mark in it"
                ),
                "{secret:?}"
            );
        }
    }
    // Other white space, in the middle and at the ends, belongs to the secret.
    let odd = Credentials::password(Client::new("id", " s "), User::new("user", "\tp\u{a0}"));
    assert!(TokenRequest::new(&base(), &odd).is_ok());
}

#[test]
fn user_name_is_sent_verbatim() {
    let user = User::new(" User@Example.com", "password");
    let request = request(&Credentials::password(Client::new("id", "secret"), user));
    assert!(fields(&request).contains(&pair("username", " User@Example.com")));
}

#[test]
fn debug_output_hides_secrets() {
    let secrets = [
        "cl1ent-s3cret",
        "p4ssw0rd!",
        "ap1-key",
        "f1eld",
        "acc3ss",
        "s3cret-key",
    ];
    let form = credentials()
        .api_key("ap1-key")
        .form_field("scope", "f1eld");
    let keys = Credentials::merchant("acc3ss", "s3cret-key");
    for credentials in [form, keys] {
        let request = TokenRequest::new(&base(), &credentials).unwrap();
        let client = Client::new("id", "cl1ent-s3cret");
        let user = User::new("user", "p4ssw0rd!");
        let shown = [
            format!("{credentials:?} {credentials:#?}"),
            format!("{request:?} {request:#?}"),
            format!("{client:?} {user:?}"),
            format!("{:?}", credentials.account(&base())),
            format!("{:?}", credentials.fingerprint([0; 16])),
        ]
        .concat();
        for secret in secrets {
            assert!(!shown.contains(secret), "{shown}");
        }
        assert!(shown.contains("TokenRequest"));
    }
}

#[test]
fn merchant_keys_are_recognized() {
    assert!(Credentials::merchant("key", "secret").is_merchant());
    assert!(!credentials().is_merchant());
}
