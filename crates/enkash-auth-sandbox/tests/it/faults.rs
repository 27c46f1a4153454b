//! Faults to order, in memory.

use std::time::Duration;

use axum::body::Body;
use enkash_auth_sandbox::{Disconnected, Endpoint, Fault, Issuer, Order, Rules, SandboxService};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout};
use tower::ServiceExt;

use crate::support::{self, Answer, RIGHT, WRONG, api, form, send, token};

/// The answer to a token request that this fault strikes.
async fn struck(issuer: &Issuer, fault: Fault) -> Answer {
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
async fn a_fault_strikes_its_endpoint_as_often_as_ordered() {
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
    assert_eq!((counters.api_calls, counters.api_refusals), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fault_can_last() {
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

/// An order that strikes with 500.
fn first() -> Order {
    Fault::ServerError.at(Endpoint::Token)
}

/// An order that strikes with 403.
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

/// The statuses of token requests, each after so many milliseconds.
async fn statuses<const N: usize>(issuer: &Issuer, pauses: [u64; N]) -> Vec<u16> {
    let mut statuses = Vec::new();
    for pause in pauses {
        issuer.clock().advance(Duration::from_millis(pause));
        statuses.push(send(issuer, form(RIGHT)).await.status.as_u16());
    }
    statuses
}

#[tokio::test]
async fn orders_strike_one_after_another_as_often_as_they_say() {
    let issuer = manual([first().times(2), second().times(1)]);
    assert_eq!(statuses(&issuer, [0, 1, 1, 1]).await, [500, 500, 403, 200]);
}

#[tokio::test]
async fn an_order_for_no_request_strikes_none() {
    let issuer = manual([first().times(0)]);
    assert_eq!(statuses(&issuer, [0]).await, [200]);
}

#[tokio::test]
async fn an_order_lasts_from_when_it_comes_into_force() {
    let issuer = manual([first().times(1), second().lasting(MS_100)]);
    assert_eq!(statuses(&issuer, [50, 99, 1]).await, [500, 403, 200]);
}

#[tokio::test]
async fn spans_of_time_follow_each_other_without_a_request() {
    let issuer = manual([]);
    issuer.clock().advance(Duration::from_secs(1));
    issuer.order(first().lasting(MS_100));
    issuer.order(second().lasting(MS_100));
    assert_eq!(statuses(&issuer, [99, 100, 1]).await, [500, 403, 200]);
}

#[tokio::test]
async fn an_order_after_a_pause_starts_then() {
    let issuer = manual([first().lasting(MS_100)]);
    issuer.clock().advance(5 * MS_100);
    issuer.order(second().lasting(MS_100));
    assert_eq!(statuses(&issuer, [99]).await, [403]);
}

#[test]
fn what_is_left_of_an_order_is_listed() {
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
async fn delay() {
    let issuer = Issuer::default();
    let before = Instant::now();
    let by = Duration::from_secs(9);
    let answer = struck(&issuer, Fault::Delay { by }).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(before.elapsed(), by);
}

#[tokio::test]
async fn close_before_reading_carries_nothing_out() {
    let issuer = Issuer::default();
    issuer.order(Fault::CloseBeforeReading.at(Endpoint::Token));
    let error = call(&issuer, form(WRONG)).await.unwrap_err();
    assert_eq!(error.to_string(), "connection closed without an answer");
    assert_eq!(strikes(&issuer), 0);
}

#[tokio::test]
async fn close_after_reading_carries_the_request_out() {
    let issuer = Issuer::default();
    issuer.order(Fault::CloseAfterReading.at(Endpoint::Token));
    call(&issuer, form(WRONG)).await.unwrap_err();
    assert_eq!(strikes(&issuer), 1);
}

#[tokio::test]
async fn carried_out_counts_and_grants_behind_its_page() {
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
async fn half_an_answer_breaks_off_in_the_middle() {
    let issuer = Issuer::default();
    issuer.order(Fault::HalfAnswer.at(Endpoint::Token));
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
async fn hang_carries_the_request_out_and_never_answers() {
    let issuer = Issuer::default();
    issuer.order(Fault::Hang.at(Endpoint::Token));
    let hour = Duration::from_secs(3600);
    assert!(timeout(hour, call(&issuer, form(RIGHT))).await.is_err());
    assert_eq!(issuer.counters().grants, 1);
}

#[tokio::test]
async fn pages_of_html() {
    let issuer = Issuer::default();
    for status in [200, 403, 429, 502, 503, 520, 530] {
        let answer = struck(&issuer, page(status)).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("content-type"), "text/html; charset=UTF-8");
        assert!(answer.body.starts_with(b"<!DOCTYPE html>"));
    }
}

#[tokio::test]
async fn errors_in_json() {
    let issuer = Issuer::default();
    let answer = struck(&issuer, Fault::ServerError).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.json()["error"], "server_error");

    let answer = struck(&issuer, Fault::Forbidden).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(answer.json()["error"], "access_denied");
    assert_eq!(strikes(&issuer), 0);
}

#[tokio::test]
async fn too_many_requests_may_say_for_how_long() {
    let issuer = Issuer::default();
    let retry_after = Some(Duration::from_millis(1500));
    let answer = struck(&issuer, Fault::TooManyRequests { retry_after }).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.header("retry-after"), "2");

    let retry_after = None;
    let answer = struck(&issuer, Fault::TooManyRequests { retry_after }).await;
    assert!(!answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn bodies_that_are_no_grant() {
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
async fn a_huge_answer_is_json_to_its_end() {
    let issuer = Issuer::default();
    let huge = struck(&issuer, Fault::Huge).await;
    assert_eq!(huge.body.len(), 32 * 1024 * 1024);
    assert_eq!(huge.header("content-length"), "33554432");
    assert!(!issuer.accepts(&huge.token()));
}

#[tokio::test]
async fn a_redirect_leads_into_the_trap() {
    let issuer = Issuer::default();
    let answer = struck(&issuer, Fault::Redirect { to: None }).await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);

    let mut followed = form(RIGHT);
    *followed.uri_mut() = answer.header("location").parse().unwrap();
    let trapped = send(&issuer, followed).await;
    assert!(!issuer.accepts(&trapped.token()));
    assert_eq!(issuer.counters().redirects_followed, 1);
    assert_eq!(issuer.counters().token_requests, 1);

    let to = Some("https://example.com/".to_owned());
    let answer = struck(&issuer, Fault::Redirect { to }).await;
    assert_eq!(answer.header("location"), "https://example.com/");
}

#[tokio::test]
async fn any_other_answer() {
    let issuer = Issuer::default();
    let fault = Fault::Answer {
        status: StatusCode::IM_A_TEAPOT,
        headers: [("x-odd", "yes"), ("no header", "no")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        body: "short and stout".to_owned(),
    };
    let answer = struck(&issuer, fault).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.header("x-odd"), "yes");
    assert_eq!(answer.body, b"short and stout");
}

#[tokio::test]
async fn an_outage_uses_no_order_up() {
    let issuer = Issuer::default();
    issuer.set_outage(true);
    assert_eq!(struck(&issuer, Fault::ServerError).await.status, 503);
    issuer.set_outage(false);
    assert_eq!(send(&issuer, form(RIGHT)).await.status, 500);
}
