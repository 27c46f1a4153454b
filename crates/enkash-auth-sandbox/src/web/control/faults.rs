//! `/-/sandbox/faults`

use axum::extract::{Request, State};
use axum::response::Response;

use super::body::{bad, ok, read};
use crate::issuer::Issuer;

pub(crate) async fn show(State(issuer): State<Issuer>) -> Response {
    ok(issuer.orders())
}

pub(crate) async fn order(State(issuer): State<Issuer>, request: Request) -> Response {
    match read(request).await {
        Ok(order) => {
            issuer.order(order);
            ok(issuer.orders())
        }
        Err(why) => bad(&why),
    }
}

pub(crate) async fn cancel(State(issuer): State<Issuer>) -> Response {
    issuer.cancel_orders();
    ok(issuer.orders())
}
