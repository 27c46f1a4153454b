//! What a call carries beside the token, and in which form it carries that.

use std::{
    convert::Infallible,
    future::ready,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use enkash_auth_core::Credentials;
use enkash_auth_sandbox::{Accounts, Issuer, Rules, SandboxService};
use enkash_auth_tower::{
    EnkashAuthLayer, Error, ErrorKind, ReplayPolicy, Scheme, TokenCache, TokenEndpoint,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header::AUTHORIZATION};
use proptest::{prelude::*, sample::select};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{BASE, Kit, cache, endpoint, environment, get, grant, invalid_token, user};

const ACCESS_KEY: &str = "merchantAccessKey";

/// A server whose tokens are numbered from 0.
fn numbered() -> impl Fn() -> Response<String> + Clone {
    let granted = Arc::new(AtomicU32::new(0));
    move || {
        grant(
            &format!("token-{}", granted.fetch_add(1, Ordering::Relaxed)),
            300,
        )
    }
}

/// A cache of merchant keys, whose access key is `access_key`.
fn merchant(access_key: &str) -> TokenCache {
    let granted = numbered();
    let service = service_fn(move |_| ready(Ok::<_, Infallible>(granted())));
    let keys = Credentials::merchant(access_key, "secret");
    cache(TokenEndpoint::with_service(environment(), keys, service).unwrap())
}

/// A cache of a password.
fn password() -> TokenCache {
    let granted = numbered();
    cache(endpoint(move |_| ready(granted())))
}

/// Returns the headers with which `request` arrives.
async fn sent(layer: EnkashAuthLayer, request: Request<String>) -> HeaderMap {
    let echo = service_fn(|request: Request<String>| async move {
        let mut response = Response::new(String::new());
        *response.headers_mut() = request.headers().clone();
        Ok::<_, Infallible>(response)
    });
    let response = layer.layer(echo).oneshot(request).await.unwrap();
    response.headers().clone()
}

fn call() -> Request<String> {
    get("http://localhost/api/v0/payment")
}

fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a HeaderValue> {
    headers.get_all(name).iter().collect()
}

#[tokio::test(start_paused = true)]
async fn merchant_call_carries_its_access_key_once() {
    let key = user();
    let mut request = call();
    request
        .headers_mut()
        .insert(ACCESS_KEY, HeaderValue::from_static("another"));
    let headers = sent(EnkashAuthLayer::new(merchant(&key)), request).await;
    assert_eq!(values(&headers, ACCESS_KEY), [&*key]);
    assert!(headers[ACCESS_KEY].is_sensitive());
    assert_eq!(values(&headers, "authorization"), ["Bearer token-0"]);
}

#[tokio::test(start_paused = true)]
async fn access_key_is_omitted_on_request_and_with_a_password() {
    let omitting = EnkashAuthLayer::new(merchant(&user())).omit_access_key();
    for layer in [omitting, EnkashAuthLayer::new(password())] {
        let headers = sent(layer, call()).await;
        assert!(values(&headers, ACCESS_KEY).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn access_key_changes_with_the_credentials() {
    let tokens = merchant(&user());
    let layer = EnkashAuthLayer::new(tokens.clone());
    sent(layer.clone(), call()).await;
    let another = user();
    let keys = Credentials::merchant(&*another, "secret");
    tokens.set_credentials(keys).unwrap();
    let headers = sent(layer, call()).await;
    assert_eq!(values(&headers, ACCESS_KEY), [&*another]);
}

#[tokio::test(start_paused = true)]
async fn headers_of_the_layer_replace_those_of_the_caller() {
    let api_key = HeaderName::from_static("api-key");
    let layer = EnkashAuthLayer::new(password())
        .header(api_key.clone(), HeaderValue::from_static("k1"))
        .header(api_key.clone(), HeaderValue::from_static("k2"))
        .partner_id("P1")
        .unwrap();
    let mut request = call();
    request
        .headers_mut()
        .insert("partnerId", HeaderValue::from_static("P2"));
    request
        .headers_mut()
        .append(api_key, HeaderValue::from_static("k3"));
    let headers = sent(layer, request).await;
    assert_eq!(values(&headers, "partnerId"), ["P1"]);
    assert_eq!(values(&headers, "API-Key"), ["k2"]);
    assert!(headers["API-Key"].is_sensitive());
    assert!(!headers["partnerId"].is_sensitive());
}

#[tokio::test(start_paused = true)]
async fn allowed_origin_receives_headers_of_the_layer() {
    let key = user();
    let layer = EnkashAuthLayer::new(merchant(&key))
        .partner_id("P1")
        .unwrap()
        .allow_origin("https://pay.enkash.in".parse().unwrap());
    let headers = sent(layer, get("https://pay.enkash.in/cards")).await;
    assert_eq!(values(&headers, ACCESS_KEY), [&*key]);
    assert_eq!(values(&headers, "partnerId"), ["P1"]);
}

#[tokio::test(start_paused = true)]
async fn header_of_the_layer_does_not_replace_the_token() {
    let value = HeaderValue::from_static("Bearer another");
    let layer = EnkashAuthLayer::new(password()).header(AUTHORIZATION, value);
    let headers = sent(layer, call()).await;
    assert_eq!(values(&headers, "authorization"), ["Bearer token-0"]);
}

/// An API that takes no token, and records the headers of its calls.
#[tokio::test(start_paused = true)]
async fn replayed_call_carries_the_headers_of_its_layer() {
    let plain = EnkashAuthLayer::new(merchant(&user()))
        .omit_access_key()
        .clear_classifiers();
    let other = EnkashAuthLayer::new(password())
        .partner_id("P1")
        .unwrap()
        .scheme(Scheme::None);
    for layer in [plain, other] {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let record = Arc::clone(&calls);
        let api = service_fn(move |request: Request<String>| {
            record.lock().unwrap().push(request.headers().clone());
            async { Ok::<_, Infallible>(invalid_token()) }
        });
        let mut client = layer.replay(ReplayPolicy::default()).layer(api);
        // The first call waits for a token, the second finds one.
        for _ in 0..2 {
            client.ready().await.unwrap().call(call()).await.unwrap();
        }
        let calls = calls.lock().unwrap();
        let beside = |headers: &HeaderMap| {
            let scheme = headers["authorization"]
                .to_str()
                .unwrap()
                .contains("Bearer ");
            (
                scheme,
                headers.get(ACCESS_KEY).cloned(),
                headers.get("partnerId").cloned(),
            )
        };
        assert!(calls.len() > 2, "none was replayed");
        assert!(calls.iter().all(|call| beside(call) == beside(&calls[0])));
    }
}

#[tokio::test(start_paused = true)]
async fn bare_token_is_sent_without_a_scheme() {
    let layer = EnkashAuthLayer::new(password()).scheme(Scheme::None);
    let headers = sent(layer, call()).await;
    assert_eq!(values(&headers, "authorization"), ["token-0"]);
    assert!(headers["authorization"].is_sensitive());
}

#[test]
fn unusable_partner_id_is_a_setting_error() {
    let error = EnkashAuthLayer::new(password())
        .partner_id("P\n1")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    assert!(error.to_string().contains("partner id"), "{error}");
}

#[cfg(feature = "config")]
#[tokio::test(start_paused = true)]
async fn partner_id_and_scheme_are_read_from_variables() {
    let config = enkash_auth_tower::Config::from_lookup(|name| match name {
        "ENKASH_PARTNER_ID" => Some("P1".into()),
        "ENKASH_SCHEME" => Some("none".into()),
        _ => None,
    });
    let endpoint = endpoint(|_| async { grant("token", 300) });
    let builder = TokenCache::builder(endpoint).config(&config.unwrap());
    let layer = EnkashAuthLayer::new(builder.unwrap().build());
    let headers = sent(layer, call()).await;
    assert_eq!(values(&headers, "partnerId"), ["P1"]);
    assert_eq!(values(&headers, "authorization"), ["token"]);

    let config = enkash_auth_tower::Config::from_lookup(|name| {
        (name == "ENKASH_SCHEME").then(|| "s3cret".into())
    });
    let text = config.unwrap_err().to_string();
    assert_eq!(text, "ENKASH_SCHEME: not bearer or none");
}

#[cfg(feature = "config")]
#[tokio::test(start_paused = true)]
async fn call_headers_are_read_from_variables() {
    let config = |headers: &'static str| {
        enkash_auth_tower::Config::from_lookup(|name| match name {
            "ENKASH_CALL_HEADERS" => Some(headers.into()),
            "ENKASH_OMIT_ACCESS_KEY" => Some("true".into()),
            _ => None,
        })
        .unwrap()
    };
    let keys = Credentials::merchant(user(), "secret");
    let service = service_fn(|_| ready(Ok::<_, Infallible>(grant("token", 300))));
    let endpoint = TokenEndpoint::with_service(environment(), keys, service).unwrap();
    let builder = || TokenCache::builder(endpoint.clone());
    let tokens = builder().config(&config("API-Key: k:1, mid:5,")).unwrap();
    let headers = sent(EnkashAuthLayer::new(tokens.build()), call()).await;
    assert_eq!(values(&headers, "API-Key"), ["k:1"]);
    assert_eq!(values(&headers, "mid"), ["5"]);
    assert!(headers["api-key"].is_sensitive());
    assert_eq!(values(&headers, "merchantAccessKey"), [""; 0]);

    for invalid in [
        "API-Key",
        ": s3cret",
        "a b: s3cret",
        "mid: s3\ncret",
        "mid:",
    ] {
        let error = builder().config(&config(invalid)).unwrap_err();
        let expected = "ENKASH_CALL_HEADERS: not headers such as API-Key: key, mid: 5";
        assert_eq!(error.to_string(), expected, "{invalid}");
    }
}

#[tokio::test(start_paused = true)]
async fn payment_gateway_accepts_its_calls() {
    let accounts = Accounts::none().merchant("access-key", "secret-key");
    let rules = Rules::new().payment_gateway(http::StatusCode::OK);
    let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
    let keys = Credentials::merchant("access-key", "secret-key");
    let service = SandboxService::new(issuer);
    let endpoint = TokenEndpoint::with_service(environment(), keys, service.clone()).unwrap();
    for scheme in [Scheme::Bearer, Scheme::None] {
        let layer = EnkashAuthLayer::new(cache(endpoint.clone())).scheme(scheme);
        let response = layer.layer(service.clone()).oneshot(call()).await.unwrap();
        assert_eq!(response.status(), 200, "{scheme:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn token_request_of_a_caller_is_declined_before_it_is_sent() {
    let kit = Kit::new(Rules::new());
    // With a copy of the header, it does not consult the state.
    let mut client = kit.client();
    for _ in 0..3 {
        crate::support::call(&mut client).await.unwrap();
    }
    let requests = kit.issuer.counters().token_requests;
    for (method, path) in [
        ("POST", "/oauth/token"),
        ("GET", "/oauth/token?grant_type=password"),
        ("PUT", "/OAUTH//token/"),
        ("POST", "/oauth;a=b/token"),
        ("POST", "/oauth/%2e/tok%65n.json"),
        ("POST", "/api/v0/merchant/token"),
        ("POST", "/a/..;/api/v0/merchant%2Ftoken"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"));
        let request = request.body(String::new()).unwrap();
        let ready = ServiceExt::<Request<String>>::ready(&mut client).await;
        let error = ready.unwrap().call(request).await.unwrap_err();
        let error = error.downcast_ref::<Error>().unwrap();
        assert_eq!(error.kind(), ErrorKind::TokenRequest, "{path}");
    }
    assert_eq!(kit.issuer.counters().token_requests, requests);
}

/// Returns a path as a lenient server reads it.
fn lenient(path: &str) -> String {
    let mut path = path.to_ascii_lowercase();
    for _ in 0..3 {
        path = percent_encoding::percent_decode_str(&path)
            .decode_utf8_lossy()
            .into_owned();
    }
    let mut names = Vec::new();
    for name in path.split(['/', '\\']) {
        match name.split(';').next().unwrap() {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name.trim_end_matches(".json")),
        }
    }
    format!("/{}", names.join("/"))
}

proptest! {
    #[test]
    fn no_spelling_of_a_token_path_reaches_its_handler(
        steps in prop::collection::vec(select(&[
            "oauth", "/", "token", "/oauth/token", "%2f", "%5C", "\\", ".json", "/..", "/x", ";a=b",
            "%252F", "TOKEN", "%6fauth", "/./", "api/v0/", "merchant",
        ][..]), 1..6),
        is_post in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let kit = Kit::new(Rules::new());
            let api = SandboxService::new(kit.issuer.clone());
            let server = service_fn(move |mut request: Request<String>| {
                *request.uri_mut() = lenient(request.uri().path()).parse().unwrap();
                api.clone().oneshot(request)
            });
            let client = EnkashAuthLayer::new(kit.tokens.clone()).layer(server);
            let method = if is_post { "POST" } else { "GET" };
            let request = Request::builder().method(method);
            let uri = format!("{BASE}/{}", steps.concat());
            if let Ok(request) = request.uri(uri).body(String::new()) {
                // Declined, or served with the token of the only request.
                let _ = client.oneshot(request).await;
            }
            assert!(kit.issuer.counters().token_requests <= 1);
        });
    }
}
