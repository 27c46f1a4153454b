//! Rewrites requests for the upstream and responses for the caller.

use axum::body::Body;
use enkash_auth_tower::{Error, ErrorKind, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
        TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    request,
    uri::{Authority, PathAndQuery},
};
use http_body::Body as HttpBody;

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

/// The address of the upstream, and its `Host` header.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    upstream: Uri,
    host: HeaderValue,
}

impl Target {
    pub(crate) fn new(upstream: &Origin) -> Result<Self, Error> {
        let invalid = || Error::new(ErrorKind::InvalidSetting, "upstream: not a valid address");
        let upstream =
            Uri::try_from(upstream.to_string()).map_err(|error| invalid().with_source(error))?;
        let host = upstream.authority().map_or("", Authority::as_str);
        let host = HeaderValue::from_str(host).map_err(|error| invalid().with_source(error))?;
        Ok(Self { upstream, host })
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
        remove_hop_by_hop(&mut headers);
        headers.remove(AUTHORIZATION);
        headers.insert(HOST, self.host.clone());
        state_length(&mut headers, body.size_hint().exact());
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
        let path_and_query: PathAndQuery = match requested.as_str() {
            path if path.starts_with('/') => requested.clone(),
            // As in `http://host?query`.
            query if query.starts_with('?') => format!("/{query}").parse().ok()?,
            _ => return None,
        };
        let mut parts = self.upstream.clone().into_parts();
        parts.path_and_query = Some(path_and_query);
        Uri::from_parts(parts).ok()
    }
}

/// Declines requests that would change the protocol, because a token must not open a tunnel; requests
/// whose response would contain the token; and bodies in a transfer coding that the server does not
/// decode.
pub(crate) fn decline_unsupported<B>(request: &Request<B>) -> Result<(), Problem> {
    let headers = request.headers();
    let detail = if request.method() == Method::CONNECT {
        "CONNECT is not supported"
    } else if request.method() == Method::TRACE {
        "TRACE is not supported"
    } else if !headers.get_all(UPGRADE).iter().all(is_h2c) {
        "upgrades are not supported"
    } else if !is_plain(headers) {
        "transfer codings but chunked are not supported"
    } else {
        return Ok(());
    };
    Err(Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No).detail(detail))
}

/// Returns whether this is an offer of cleartext HTTP/2, which Java's client sends with every such
/// request. It may be ignored (RFC 9110 section 7.8).
fn is_h2c(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"h2c")
}

/// Returns whether the body has no transfer coding but chunked, which the server decodes.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// Returns the response to the caller: status, end-to-end headers and body.
pub(crate) fn response(received: Response<Body>) -> Result<Response<Body>, Problem> {
    let (head, body) = received.into_parts();
    if head.status.is_informational() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown);
        return Err(problem.detail("the upstream switched protocols unexpectedly"));
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
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
fn state_length(headers: &mut HeaderMap, length: Option<u64>) {
    match length {
        Some(length) if headers.contains_key(CONTENT_LENGTH) => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        // The client adds the length if there is a body.
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
