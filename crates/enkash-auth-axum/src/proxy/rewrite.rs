use axum::body::Body;
use http::{
    HeaderMap, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING},
    request,
};
use http_body::Body as HttpBody;

use super::{hop_by_hop, target::Target};
use crate::{
    body::ProxyBody,
    problem::{Forwarded, Problem},
};

/// The request as it goes on: method, path and query, end-to-end headers and the body of what
/// came, and nothing else of it.
pub(super) fn request(
    came: request::Parts,
    body: ProxyBody,
    target: &Target,
) -> Result<Request<ProxyBody>, Problem> {
    let Some(address) = target.address(&came.uri) else {
        let problem = Problem::new(StatusCode::NOT_IMPLEMENTED, Forwarded::No);
        return Err(problem.detail("a request without a path is not supported"));
    };
    let mut headers = came.headers;
    hop_by_hop::remove(&mut headers);
    headers.remove(AUTHORIZATION);
    headers.insert(HOST, target.host().clone());
    state_length(&mut headers, body.size_hint().exact());
    let mut request = Request::new(body);
    *request.method_mut() = came.method;
    *request.uri_mut() = address;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Says how the body comes, whatever was said before: two lengths of one body are two requests to
/// whoever believes the other.
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

/// The answer as it goes back: status, end-to-end headers and the body.
pub(super) fn response(came: Response<Body>) -> Result<Response<Body>, Problem> {
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
    hop_by_hop::remove(&mut headers);
    *response.headers_mut() = headers;
    Ok(response)
}
