//! Rewrites requests for the upstream and responses for the caller.

use std::{
    borrow::Cow,
    hash::{BuildHasher, RandomState},
};

use axum::body::Body;
use enkash_auth_tower::{Error, ErrorKind, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, VIA,
    },
    request,
    uri::{Authority, PathAndQuery},
};
use http_body::Body as HttpBody;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{
    problem::{Forwarded, Problem},
    proxy_body::ProxyBody,
};

/// The hop-by-hop headers of RFC 9110 section 7.6.1 and of RFC 2616 before it.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What a URI must have percent-encoded (RFC 3986), but callers send and `http` accepts.
const NOT_IN_URI: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The address of the upstream, its `Host` header, and the name of the proxy on the way to it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    upstream: Uri,
    host: HeaderValue,
    /// Random, so that it is no other proxy's.
    pseudonym: String,
}

impl Target {
    pub(crate) fn new(upstream: &Origin) -> Result<Self, Error> {
        let invalid = || Error::new(ErrorKind::InvalidSetting, "upstream: not a valid address");
        let upstream =
            Uri::try_from(upstream.to_string()).map_err(|error| invalid().with_source(error))?;
        let host = upstream.authority().map_or("", Authority::as_str);
        let host = HeaderValue::from_str(host).map_err(|error| invalid().with_source(error))?;
        let pseudonym = format!("enkash-{:016x}", RandomState::new().hash_one(()));
        Ok(Self {
            upstream,
            host,
            pseudonym,
        })
    }

    /// Declines requests that would change the protocol, because a token must not open a tunnel; requests
    /// whose response would contain the token; bodies in a transfer coding that the server does not decode; and
    /// requests that this proxy has forwarded already.
    pub(crate) fn decline_unsupported<B>(&self, request: &Request<B>) -> Result<(), Problem> {
        let headers = request.headers();
        let detail = if request.method() == Method::CONNECT {
            "CONNECT is not supported"
        } else if request.method() == Method::TRACE {
            "TRACE is not supported"
        } else if !headers.get_all(UPGRADE).iter().all(is_h2c) {
            "WebSocket and other upgrades are not supported: send HTTP/1.1 requests"
        } else if headers.get(CONTENT_TYPE).is_some_and(is_grpc) {
            "gRPC is not supported, nor is HTTP/2: send HTTP/1.1 requests"
        } else if !is_plain(headers) {
            "transfer codings but chunked are not supported"
        } else if headers.get_all(VIA).iter().any(|via| self.is_in(via)) {
            let problem = Problem::new(StatusCode::LOOP_DETECTED, Forwarded::No);
            return Err(problem.detail("the upstream leads back to this proxy"));
        } else {
            return Ok(());
        };
        Err(Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No).detail(detail))
    }

    fn is_in(&self, via: &HeaderValue) -> bool {
        String::from_utf8_lossy(via.as_bytes()).contains(&self.pseudonym)
    }

    /// Returns the request to the upstream: method, path and query, end-to-end headers and body of the
    /// received one, and nothing else.
    pub(crate) fn request(
        &self,
        received: request::Parts,
        body: ProxyBody,
    ) -> Result<Request<ProxyBody>, Problem> {
        let Some(address) = self.address(&received.uri) else {
            let problem = Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No);
            return Err(problem.detail("a request without a path is not supported"));
        };
        let mut headers = received.headers;
        let has_body =
            headers.contains_key(CONTENT_LENGTH) || headers.contains_key(TRANSFER_ENCODING);
        remove_hop_by_hop(&mut headers);
        headers.remove(AUTHORIZATION);
        // The server meets it when the body is read.
        headers.remove(EXPECT);
        headers.insert(HOST, self.host.clone());
        state_length(&mut headers, has_body, body.size_hint().exact());
        let protocol = match received.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2.0",
            _ => "1.1",
        };
        if let Ok(via) = HeaderValue::try_from(format!("{protocol} {}", self.pseudonym)) {
            headers.append(VIA, via);
        }
        let mut request = Request::new(body);
        *request.method_mut() = received.method;
        *request.uri_mut() = address;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Returns the path and query of `requested` at the upstream, and ignores the rest of the request
    /// line. Returns `None` without a path: for `*` and a host alone.
    fn address(&self, requested: &Uri) -> Option<Uri> {
        let requested = requested.path_and_query()?;
        let encoded: Cow<'_, str> = utf8_percent_encode(requested.as_str(), NOT_IN_URI).into();
        let path_and_query: PathAndQuery = match encoded {
            Cow::Borrowed(path) if path.starts_with('/') => requested.clone(),
            Cow::Owned(path) if path.starts_with('/') => path.try_into().ok()?,
            // As in `http://host?query`.
            query if query.starts_with('?') => format!("/{query}").try_into().ok()?,
            _ => return None,
        };
        let mut parts = self.upstream.clone().into_parts();
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).ok()
    }
}

/// Returns whether this is an offer of cleartext HTTP/2, which Java's client sends with every such
/// request. It may be ignored (RFC 9110 section 7.8).
fn is_h2c(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"h2c")
}

fn is_grpc(content_type: &HeaderValue) -> bool {
    let grpc = b"application/grpc";
    match content_type.as_bytes().split_at_checked(grpc.len()) {
        // Not gRPC-Web, which is plain HTTP/1.1.
        Some((start, rest)) => start.eq_ignore_ascii_case(grpc) && !rest.starts_with(b"-"),
        None => false,
    }
}

/// Returns whether the body has no transfer coding but chunked, which hyper decodes.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// Returns the response to the caller: status, end-to-end headers and body.
pub(crate) fn response(received: Response<Body>) -> Result<Response<Body>, Problem> {
    let (head, body) = received.into_parts();
    let detail = if head.status.is_informational() {
        Some("the upstream switched protocols unexpectedly")
    } else if !is_plain(&head.headers) {
        Some("the upstream's response has a transfer coding other than chunked")
    } else {
        None
    };
    if let Some(detail) = detail {
        return Err(Problem::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown).detail(detail));
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    response.extensions_mut().insert(Forwarded::Yes);
    let mut headers = head.headers;
    if headers.contains_key(TRANSFER_ENCODING) {
        // It overrides a length beside it, which would truncate the body once it is removed.
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(&mut headers);
    *response.headers_mut() = headers;
    Ok(response)
}

/// States the length of the body, in place of the received headers: two contradictory lengths would
/// allow request smuggling.
fn state_length(headers: &mut HeaderMap, has_body: bool, length: Option<u64>) {
    match length {
        Some(length) if has_body => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        // The client adds the length if there is a body nevertheless.
        Some(_) => {}
        None => {
            // Without it a client assumes that a GET has no body.
            headers.remove(CONTENT_LENGTH);
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

/// Removes the hop-by-hop headers: the standard ones and those named by `Connection`.
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
}
