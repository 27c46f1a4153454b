//! The `Date` header, by the issuer's clock.

use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::DATE;
use httpdate::HttpDate;

use crate::issuer::Issuer;

pub(crate) async fn stamp(State(issuer): State<Issuer>, mut response: Response) -> Response {
    if !issuer.rules().date_header {
        return response;
    }
    let date = HttpDate::from(issuer.clock().now()).to_string();
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(DATE, date);
    }
    response
}
