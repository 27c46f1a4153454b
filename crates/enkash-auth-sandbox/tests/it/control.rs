//! The control API.

use std::time::Duration;

use enkash_auth_sandbox::{Issuer, Issuing, Rules, Shape};
use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{WRONG, control, form, issuer, send, token};

#[tokio::test]
async fn status_shows_everything() {
    let issuer = issuer(Rules::new());
    token(&issuer).await;
    let status = send(&issuer, control(Method::GET, "/status", ""))
        .await
        .json();

    assert_eq!(status["outage"], false);
    assert_eq!(status["tokens_alive"], 1);
    assert_eq!(status["counters"]["token_requests"], 1);
    assert_eq!(status["rules"]["lifetime"], 86_400);
    assert_eq!(status["clock"]["now"], "Tue, 14 Nov 2023 22:13:20 GMT");
    let user = json!({ "name": "user@example.com", "strikes": 0, "locked": false });
    assert_eq!(status["accounts"][0], user);
}

#[tokio::test]
async fn counters_start_from_zero_again() {
    let issuer = Issuer::default();
    token(&issuer).await;
    let counters = send(&issuer, control(Method::GET, "/counters", ""))
        .await
        .json();
    assert_eq!(counters["grants"], 1);

    let counters = send(&issuer, control(Method::DELETE, "/counters", ""))
        .await
        .json();
    assert_eq!(counters["grants"], 0);
}

#[tokio::test]
async fn a_patch_changes_the_rules_that_it_names() {
    let issuer = Issuer::default();
    let patch = r#"{"lifetime": 2.5, "shape": "c", "issuing": "rotating", "lock_after": null}"#;
    let answer = send(&issuer, control(Method::PATCH, "/rules", patch)).await;

    assert_eq!(answer.status, StatusCode::OK);
    let expected = Rules::new()
        .lifetime(Duration::from_millis(2500))
        .shape(Shape::C)
        .issuing(Issuing::Rotating)
        .lock_after(None);
    assert_eq!(issuer.rules(), expected);
}

#[tokio::test]
async fn a_senseless_patch_changes_nothing() {
    let issuer = Issuer::default();
    let patches = [
        "",
        "[]",
        r#"{"lifetime": -1}"#,
        r#"{"lifetime": 5, "shap": "a"}"#,
        r#"{"shape": "d"}"#,
    ];
    for patch in patches {
        let answer = send(&issuer, control(Method::PATCH, "/rules", patch)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{patch}");
    }
    assert_eq!(issuer.rules(), Rules::new());
}

#[tokio::test]
async fn orders_do_what_the_methods_do() {
    let issuer = Issuer::default();
    send(&issuer, control(Method::PUT, "/outage", "")).await;
    assert!(issuer.outage());
    send(&issuer, control(Method::DELETE, "/outage", "")).await;
    assert!(!issuer.outage());

    token(&issuer).await;
    let revoked = send(&issuer, control(Method::POST, "/revoke", "")).await;
    assert_eq!(revoked.json(), json!({ "revoked": 1 }));

    send(&issuer, form(WRONG)).await;
    send(&issuer, control(Method::POST, "/unlock", "")).await;
    assert_eq!(issuer.account_statuses()[0].strikes, 0);
}

#[tokio::test]
async fn an_unknown_order_is_404_and_no_api_call() {
    let issuer = Issuer::default();
    let answer = send(&issuer, control(Method::GET, "/nonsense", "")).await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(issuer.counters().api_calls, 0);
}
