//! Pages of HTML, as the CDN in front of the real server sends them.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, SERVER};
use http::{HeaderValue, StatusCode};

pub(crate) fn html(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let text = format!(
        "<!DOCTYPE html>\n<html><head><title>{code} {reason}</title></head>\n\
         <body><h1>{code} {reason}</h1><p>The request did not reach the server.</p></body></html>\n",
        code = status.as_u16(),
    );
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let html = HeaderValue::from_static("text/html; charset=UTF-8");
    headers.insert(CONTENT_TYPE, html);
    headers.insert(SERVER, HeaderValue::from_static("sandbox-cdn"));
    response
}
