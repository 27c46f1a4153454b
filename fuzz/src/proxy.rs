//! A request through the reverse proxy, and its response.
//!
//! ```text
//! POST http://elsewhere.example/a?b
//! connection: x-one
//! x-one: 1
//! >stream
//! <200
//! <connection: close
//!
//! the body
//! ```
//!
//! A request line, headers, `>stream` for a body of unknown length, after `<` the head of the response,
//! and after a blank line the body. No response is a 401: that is for `challenge`.

mod expected;
mod upstream;

use axum::body::Body;
use enkash_auth_axum::Proxy;
use enkash_auth_core::is_token_path;
use http::{
    HeaderMap, Method, Request, Response, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, VIA},
};
use http_body_util::BodyExt;
use tokio::runtime::Runtime;
use tower::ServiceExt;

use self::upstream::{Arrived, Upstream};
use crate::{issuer, text};

/// The only upstream that may receive the token.
const UPSTREAM: &str = "https://api.enkash.in:8443";
const AUTHORITY: &str = "api.enkash.in:8443";

struct World {
    runtime: Runtime,
    proxy: Proxy,
    upstream: Upstream,
}

thread_local! {
    static WORLD: World = World::new();
}

/// Checks that a forwarded request reaches the upstream with its own path, query and end-to-end headers,
/// one token and one length, and names the proxy; that the response has no hop-by-hop headers; and that only requests which
/// must be declined, and token requests, are not forwarded.
pub fn check(input: &[u8]) {
    let (head, body) = text::head_and_body(input);
    let (line, rest) = text::first_line(head);
    let Some((method, target)) = request_line(line) else {
        return;
    };
    let Ok(uri) = Uri::try_from(target) else {
        return;
    };
    let lines = |mark: u8| {
        let of = rest
            .split(|byte| *byte == b'\n')
            .filter_map(move |line| line.strip_prefix(&[mark]));
        of.collect::<Vec<_>>()
    };
    let is_stream = lines(b'>').contains(&b"stream".as_slice());
    let headers = text::headers(rest);
    let answer = answer(&lines(b'<'));
    let mut request = Request::new(match is_stream {
        true => Body::new(Body::from(body.to_vec()).map_frame(|frame| frame)),
        false => Body::from(body.to_vec()),
    });
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri.clone();
    *request.headers_mut() = headers.clone();

    WORLD.with(|world| {
        let (back, arrived) = world.send(request, answer.clone());
        let is_declined = expected::is_declined(&method, &uri, &headers);
        let encoded = expected::encoded(uri.path());
        let is_token_request = is_token_path(uri.path()) || is_token_path(&encoded);
        let Some(arrived) = arrived else {
            assert!(
                is_declined || is_token_request,
                "it is not forwarded: {method} {uri} {headers:?}"
            );
            match (is_declined, is_token_path(uri.path())) {
                (true, _) => assert_eq!(back.status(), StatusCode::NOT_IMPLEMENTED),
                (false, true) => assert_eq!(back.status(), StatusCode::OK),
                // By the layer.
                (false, false) => assert_eq!(back.status(), StatusCode::BAD_GATEWAY),
            }
            assert!(!String::from_utf8_lossy(back.body()).contains(issuer::TOKEN));
            return;
        };
        let is_kept = is_declined || is_token_request;
        assert!(!is_kept, "it is forwarded: {method} {uri} {headers:?}");
        assert_eq!(arrived.head.method, method);
        address(&arrived.head.uri, target);
        request_headers(&arrived, &headers, is_stream);
        assert_eq!(arrived.body, body);
        response(&back, &answer);
    });
}

fn request_line(line: &[u8]) -> Option<(Method, &str)> {
    let (method, target) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    Some((Method::from_bytes(method.as_bytes()).ok()?, target))
}

fn answer(lines: &[&[u8]]) -> Response<()> {
    let mut answer = Response::new(());
    let status = lines
        .first()
        .and_then(|line| StatusCode::from_bytes(line).ok());
    let status = status.filter(|status| *status != StatusCode::UNAUTHORIZED);
    *answer.status_mut() = status.unwrap_or_default();
    *answer.headers_mut() = text::headers(&lines.join(&b'\n'));
    answer
}

/// Checks the address by the text of the request line instead of the parsed one.
fn address(uri: &Uri, target: &str) {
    let target = target.split_once('#').map_or(target, |(target, _)| target);
    let path = match target.split_once("://") {
        Some((_, rest)) if !target.starts_with('/') => {
            let path = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
            format!("{}{path}", if path.starts_with('/') { "" } else { "/" })
        }
        _ => target.to_owned(),
    };
    let path = expected::encoded(&path);
    assert_eq!(uri.to_string(), format!("{UPSTREAM}{path}"), "{target:?}");
    let again: Uri = uri.to_string().parse().expect("it is an address");
    assert_eq!(
        again.authority().expect("it has a host").as_str(),
        AUTHORITY
    );
}

fn request_headers(arrived: &Arrived, came: &HeaderMap, is_stream: bool) {
    let headers = &arrived.head.headers;
    let all = |name| headers.get_all(name).iter().collect::<Vec<_>>();
    assert_eq!(all(HOST), [AUTHORITY]);
    let [token] = *all(AUTHORIZATION) else {
        panic!("there is one token: {headers:?}");
    };
    assert!(token.is_sensitive());
    assert!(
        token
            .as_bytes()
            .starts_with(format!("Bearer {}", issuer::TOKEN).as_bytes())
    );
    let (length, coding) = (all(CONTENT_LENGTH), all(TRANSFER_ENCODING));
    // A short one is buffered.
    match is_stream && arrived.body.len() > 64 * 1024 {
        true => assert!(length.is_empty() && coding == ["chunked"], "{headers:?}"),
        false => {
            assert!(coding.is_empty() && length.len() <= 1, "{headers:?}");
            let right = arrived.body.len().to_string();
            assert!(
                length.iter().all(|length| *length == &*right),
                "{headers:?}"
            );
        }
    }
    let access_key = http::HeaderName::from_static("merchantaccesskey");
    let ours = [
        HOST,
        AUTHORIZATION,
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        VIA,
        access_key,
    ];
    let came_via = expected::end_to_end(came);
    let (via, came_via) = (all(VIA), came_via.get_all(VIA).iter().collect::<Vec<_>>());
    let (own, before) = via.split_last().expect("the proxy names itself");
    assert!(own.as_bytes().starts_with(b"1.1 enkash-") && before == came_via);
    assert_eq!(
        expected::without(headers, &ours),
        expected::without(&expected::end_to_end(came), &ours),
    );
}

fn response(back: &Response<Vec<u8>>, answer: &Response<()>) {
    if answer.status().is_informational() || expected::has_foreign_coding(answer.headers()) {
        assert_eq!(back.status(), StatusCode::BAD_GATEWAY);
        return;
    }
    assert_eq!(back.status(), answer.status());
    assert_eq!(back.body(), upstream::ANSWER.as_bytes());
    let mut headers = expected::end_to_end(answer.headers());
    if answer.headers().contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    assert_eq!(*back.headers(), headers);
}

impl World {
    fn new() -> Self {
        let upstream = Upstream::default();
        let proxy = Proxy::builder(issuer::tokens(), UPSTREAM.parse().expect("it is an origin"))
            .build_with(upstream.service());
        Self {
            runtime: issuer::runtime(),
            proxy: proxy.expect("there is a proxy"),
            upstream,
        }
    }

    fn send(
        &self,
        request: Request<Body>,
        answer: Response<()>,
    ) -> (Response<Vec<u8>>, Option<Arrived>) {
        self.upstream.prepare(answer);
        let back = self.runtime.block_on(async {
            let Ok(back) = self.proxy.clone().oneshot(request).await;
            let (head, body) = back.into_parts();
            let body = body.collect().await.expect("there is a body").to_bytes();
            Response::from_parts(head, body.to_vec())
        });
        (back, self.upstream.arrived())
    }
}
