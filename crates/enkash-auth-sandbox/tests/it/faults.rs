//! Ordered faults, in memory.

use std::time::Duration;

use axum::body::Body;
use enkash_auth_sandbox::{Disconnected, Endpoint, Fault, Issuer, Order, Rules, SandboxService};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use crate::support::{self, FullResponse, RIGHT, WRONG, api, form, send, token};

/// Returns the response to a token request with this fault.
async fn struck(issuer: &Issuer, fault: Fault) -> FullResponse {
    issuer.order(fault.at(Endpoint::Token));
    send(issuer, form(RIGHT)).await
}

async fn call(issuer: &Issuer, request: Request<Body>) -> Result<Response<Body>, Disconnected> {
    SandboxService::new(issuer.clone()).oneshot(request).await
}

fn strikes(issuer: &Issuer) -> u32 {
    issuer.account_statuses()[0].strikes
}

fn page(status: u16) -> Fault {
    let status = StatusCode::from_u16(status).unwrap();
    Fault::Page { status }
}

#[tokio::test]
async fn fault_hits_its_endpoint_the_ordered_number_of_times() {
    let issuer = Issuer::default();
    let token = token(&issuer).await;
    issuer.order(Fault::ServerError.at(Endpoint::Token).times(2));
    issuer.order(Fault::Forbidden.at(Endpoint::Api));

    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(send(&issuer, form(RIGHT)).await.status.as_u16());
    }
    for _ in 0..2 {
        statuses.push(send(&issuer, api(&token)).await.status.as_u16());
    }
    assert_eq!(statuses, [500, 500, 200, 403, 200]);
    let counters = issuer.counters();
    assert_eq!((counters.faults, counters.grants), (3, 2));
    assert_eq!((counters.api_calls, counters.api_unauthorized), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn fault_can_last_for_a_duration() {
    let issuer = Issuer::default();
    issuer.order(
        page(502)
            .at(Endpoint::Token)
            .lasting(Duration::from_secs(5)),
    );
    assert_eq!(send(&issuer, form(RIGHT)).await.status, 502);
    tokio::time::advance(Duration::from_millis(4999)).await;
    assert_eq!(send(&issuer, form(RIGHT)).await.status, 502);
    tokio::time::advance(Duration::from_millis(1)).await;
    assert_eq!(send(&issuer, form(RIGHT)).await.status, 200);
}

/// An order with status 500.
fn first() -> Order {
    Fault::ServerError.at(Endpoint::Token)
}

/// An order with status 403.
fn second() -> Order {
    Fault::Forbidden.at(Endpoint::Token)
}

const MS_100: Duration = Duration::from_millis(100);

fn manual<const N: usize>(orders: [Order; N]) -> Issuer {
    let issuer = support::issuer(Rules::new());
    for order in orders {
        issuer.order(order);
    }
    issuer
}

/// Returns the statuses of token requests, each after a pause in milliseconds.
async fn statuses<const N: usize>(issuer: &Issuer, pauses: [u64; N]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for pause in pauses {
        issuer.clock().advance(Duration::from_millis(pause));
        statuses.push(send(issuer, form(RIGHT)).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn orders_apply_in_sequence() {
    let issuer = manual([first().times(2), second().times(1)]);
    assert_eq!(statuses(&issuer, [0, 1, 1, 1]).await, [500, 500, 403, 200]);
}

#[tokio::test]
async fn order_for_zero_requests_hits_none() {
    let issuer = manual([first().times(0)]);
    assert_eq!(statuses(&issuer, [0]).await, [200]);
}

#[tokio::test]
async fn order_duration_starts_when_order_becomes_active() {
    let issuer = manual([first().times(1), second().lasting(MS_100)]);
    assert_eq!(statuses(&issuer, [50, 99, 1]).await, [500, 403, 200]);
}

#[tokio::test]
async fn timed_orders_expire_without_requests() {
    let issuer = manual([]);
    issuer.clock().advance(Duration::from_secs(1));
    issuer.order(first().lasting(MS_100));
    issuer.order(second().lasting(MS_100));
    assert_eq!(statuses(&issuer, [99, 100, 1]).await, [500, 403, 200]);
}

#[tokio::test]
async fn order_after_idle_time_starts_with_next_request() {
    let issuer = manual([first().lasting(MS_100)]);
    issuer.clock().advance(5 * MS_100);
    issuer.order(second().lasting(MS_100));
    assert_eq!(statuses(&issuer, [99]).await, [403]);
}

#[test]
fn order_list_shows_remaining_count() {
    let issuer = manual([first().lasting(MS_100)]);
    issuer.clock().advance(Duration::from_millis(40));
    let left = Duration::from_millis(60);
    assert_eq!(issuer.orders(), [first().lasting(left)]);
    issuer.clock().advance(left);
    assert_eq!(issuer.orders(), []);
}

#[tokio::test]
async fn orders_are_listed_and_cancelled() {
    let issuer = Issuer::default();
    let order = Fault::Hang.at(Endpoint::Api).times(3);
    issuer.order(order.clone());
    issuer.order(Fault::Empty.at(Endpoint::Token));
    assert_eq!(issuer.orders(), [Fault::Empty.at(Endpoint::Token), order]);

    issuer.cancel_orders();
    assert_eq!(issuer.orders(), []);
    assert_eq!(send(&issuer, form(RIGHT)).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn delay_fault_holds_back_response() {
    let issuer = Issuer::default();
    let before = Instant::now();
    let by = Duration::from_secs(9);
    let response = struck(&issuer, Fault::Delay { by }).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(before.elapsed(), by);
}

#[tokio::test]
async fn close_before_reading_executes_nothing() {
    let issuer = Issuer::default();
    issuer.order(Fault::CloseBeforeReading.at(Endpoint::Token));
    let error = call(&issuer, form(WRONG)).await.unwrap_err();
    assert_eq!(error.to_string(), "connection closed without a response");
    assert_eq!(strikes(&issuer), 0);
}

#[tokio::test]
async fn close_after_reading_executes_request() {
    let issuer = Issuer::default();
    issuer.order(Fault::CloseAfterReading.at(Endpoint::Token));
    call(&issuer, form(WRONG)).await.unwrap_err();
    assert_eq!(strikes(&issuer), 1);
}

#[tokio::test]
async fn carried_out_fault_executes_request_behind_html_page() {
    let issuer = Issuer::default();
    let status = StatusCode::BAD_GATEWAY;
    let order = Fault::CarriedOut { status }.at(Endpoint::Token).times(2);
    issuer.order(order);

    let rejected = send(&issuer, form(WRONG)).await;
    assert_eq!(rejected.status, status);
    assert_eq!(rejected.header("content-type"), "text/html; charset=UTF-8");
    assert_eq!(strikes(&issuer), 1);

    let granted = send(&issuer, form(RIGHT)).await;
    assert_eq!((granted.status, granted.body), (status, rejected.body));
    assert_eq!(strikes(&issuer), 0);
    let counters = issuer.counters();
    assert_eq!((counters.rejections, counters.minted), (1, 1));
}

#[tokio::test]
async fn half_response_breaks_off() {
    let issuer = Issuer::default();
    issuer.order(Fault::HalfResponse.at(Endpoint::Token));
    let response = call(&issuer, form(RIGHT)).await.unwrap();
    let length: usize = response.headers()["content-length"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();

    let mut body = response.into_body();
    let half = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(half.len(), length / 2);
    assert!(half.starts_with(b"{\"access_token\""));
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(issuer.counters().grants, 1);
}

#[tokio::test(start_paused = true)]
async fn hang_executes_request_and_never_responds() {
    let issuer = Issuer::default();
    issuer.order(Fault::Hang.at(Endpoint::Token));
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, call(&issuer, form(RIGHT))).await.is_err());
    assert_eq!(issuer.counters().grants, 1);
}

#[tokio::test]
async fn page_faults_return_html() {
    let issuer = Issuer::default();
    for status in [200, 403, 429, 502, 503, 520, 530] {
        let response = struck(&issuer, page(status)).await;
        assert_eq!(response.status, status);
        assert_eq!(response.header("content-type"), "text/html; charset=UTF-8");
        assert!(response.body.starts_with(b"<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn error_faults_return_json() {
    let issuer = Issuer::default();
    let response = struck(&issuer, Fault::ServerError).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(response.json()["error"], "server_error");

    let response = struck(&issuer, Fault::Forbidden).await;
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert_eq!(response.json()["error"], "access_denied");
    assert_eq!(strikes(&issuer), 0);
}

#[tokio::test]
async fn too_many_requests_can_have_retry_after() {
    let issuer = Issuer::default();
    let retry_after = Some(Duration::from_millis(1500));
    let response = struck(&issuer, Fault::TooManyRequests { retry_after }).await;
    assert_eq!(response.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.header("retry-after"), "2");

    let retry_after = None;
    let response = struck(&issuer, Fault::TooManyRequests { retry_after }).await;
    assert!(!response.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn faults_return_bodies_without_grant() {
    let issuer = Issuer::default();
    let garbage = struck(&issuer, Fault::Garbage).await;
    assert_eq!(garbage.status, StatusCode::OK);
    assert!(std::str::from_utf8(&garbage.body).is_err());

    let empty = struck(&issuer, Fault::Empty).await;
    assert_eq!((empty.status, empty.body.len()), (StatusCode::OK, 0));

    let other = struck(&issuer, Fault::OtherJson).await;
    assert_eq!(other.json()["status"], "UP");
}

#[tokio::test]
async fn huge_response_is_valid_json() {
    let issuer = Issuer::default();
    let huge = struck(&issuer, Fault::Huge).await;
    assert_eq!(huge.body.len(), 32 * 1024 * 1024);
    assert_eq!(huge.header("content-length"), "33554432");
    assert!(!issuer.accepts(&huge.token()));
}

#[tokio::test]
async fn redirect_leads_to_trap() {
    let issuer = Issuer::default();
    let response = struck(&issuer, Fault::Redirect { to: None }).await;
    assert_eq!(response.status, StatusCode::TEMPORARY_REDIRECT);

    let mut followed = form(RIGHT);
    *followed.uri_mut() = response.header("location").parse().unwrap();
    let trapped = send(&issuer, followed).await;
    assert!(!issuer.accepts(&trapped.token()));
    assert_eq!(issuer.counters().redirects_followed, 1);
    assert_eq!(issuer.counters().token_requests, 1);

    let to = Some("https://example.com/".to_owned());
    let response = struck(&issuer, Fault::Redirect { to }).await;
    assert_eq!(response.header("location"), "https://example.com/");
}

#[tokio::test]
async fn custom_response_is_returned_as_ordered() {
    let issuer = Issuer::default();
    let fault = Fault::Response {
        status: StatusCode::IM_A_TEAPOT,
        headers: [("x-odd", "yes"), ("no header", "no")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: "short and stout".to_owned(),
    };
    let response = struck(&issuer, fault).await;
    assert_eq!(response.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(response.header("x-odd"), "yes");
    assert_eq!(response.body, b"short and stout");
}

#[tokio::test]
async fn outage_does_not_consume_orders() {
    let issuer = Issuer::default();
    issuer.set_outage(true);
    assert_eq!(struck(&issuer, Fault::ServerError).await.status, 503);
    issuer.set_outage(false);
    assert_eq!(send(&issuer, form(RIGHT)).await.status, 500);
}
