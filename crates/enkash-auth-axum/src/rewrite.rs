//! What of a request goes on, and what of an answer comes back.

use axum::body::Body;
use enkash_auth_tower::core::{Error, ErrorKind, Origin};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{
        AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
        TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    request,
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body::Body as HttpBody;

use crate::{
    problem::{Forwarded, Problem},
    proxy_body::ProxyBody,
};

/// Those that RFC 9110 section 7.6.1 names, and those that RFC 2616 named before it.
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

/// Where requests go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
}

impl Target {
    pub(crate) fn new(upstream: &Origin) -> Result<Self, Error> {
        let no_address = || Error::new(ErrorKind::InvalidSetting, "upstream: it is no address");
        let parts = Uri::try_from(upstream.to_string())
            .map_err(|error| no_address().with_source(error))?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(no_address());
        };
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|error| no_address().with_source(error))?;
        Ok(Self {
            scheme,
            authority,
            host,
        })
    }

    /// Returns the request as it goes on: method, path and query, end-to-end headers and the body of what
    /// came, and nothing else of it.
    pub(crate) fn request(
        &self,
        came: request::Parts,
        body: ProxyBody,
    ) -> Result<Request<ProxyBody>, Problem> {
        let Some(address) = self.address(&came.uri) else {
            let problem = Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No);
            return Err(problem.detail("a request without a path is not supported"));
        };
        let mut headers = came.headers;
        remove_hop_by_hop(&mut headers);
        headers.remove(AUTHORIZATION);
        headers.insert(HOST, self.host.clone());
        state_length(&mut headers, body.size_hint().exact());
        let mut request = Request::new(body);
        *request.method_mut() = came.method;
        *request.uri_mut() = address;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Returns path and query of `requested` at the upstream. Whatever else the request line says
    /// is not looked at; `None` for what has no path: `*`, and a host alone.
    fn address(&self, requested: &Uri) -> Option<Uri> {
        let requested = requested.path_and_query()?;
        let path_and_query: PathAndQuery = match requested.as_str() {
            path if path.starts_with('/') => requested.clone(),
            // As in `http://host?query`.
            query if query.starts_with('?') => format!("/{query}").parse().ok()?,
            _ => return None,
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
            .ok()
    }
}

/// Refuses what would turn the connection into something else, for a token must not open a tunnel;
/// what would send the token back; and bodies in a coding that is about this connection only and
/// that is not undone here.
pub(crate) fn refuse_unsupported<B>(request: &Request<B>) -> Result<(), Problem> {
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

/// Java's client offers HTTP/2 with every request in the clear. An offer that is not taken up is
/// ignored (RFC 9110 section 7.8), and nothing is lost.
fn is_h2c(value: &HeaderValue) -> bool {
    value.as_bytes().eq_ignore_ascii_case(b"h2c")
}

/// Whether the body is in no coding but chunks, which the server undoes.
fn is_plain(headers: &HeaderMap) -> bool {
    headers
        .get_all(TRANSFER_ENCODING)
        .iter()
        .all(|value| value.as_bytes().eq_ignore_ascii_case(b"chunked"))
}

/// Returns the answer as it goes back: status, end-to-end headers and the body.
pub(crate) fn response(came: Response<Body>) -> Result<Response<Body>, Problem> {
    let (head, body) = came.into_parts();
    if head.status.is_informational() {
        let problem = Problem::new(StatusCode::BAD_GATEWAY, Forwarded::Unknown);
        return Err(problem.detail("the upstream switched protocols unasked"));
    }
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    let mut headers = head.headers;
    if headers.contains_key(TRANSFER_ENCODING) {
        // It outweighs a length beside it, which would cut the body short once it is gone.
        headers.remove(CONTENT_LENGTH);
    }
    remove_hop_by_hop(&mut headers);
    *response.headers_mut() = headers;
    Ok(response)
}

/// Says how the body comes, whatever was said before: two lengths of one body are two requests
/// where the other one is believed.
fn state_length(headers: &mut HeaderMap, length: Option<u64>) {
    match length {
        Some(length) if headers.contains_key(CONTENT_LENGTH) => {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        // The client states it, where there is a body.
        Some(_) => {}
        None => {
            // Or a client takes the body of a GET to be none.
            headers.remove(CONTENT_LENGTH);
            headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
}

/// Removes the headers that are about one connection only: the known ones, and those that
/// `Connection` names.
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
