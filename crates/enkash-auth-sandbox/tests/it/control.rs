//! The control API.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use enkash_auth_sandbox::{Endpoint, Fault, Issuer, Issuing, Rules, Shape};
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
async fn counters_reset_to_zero() {
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
async fn patch_changes_only_named_rules() {
    let issuer = Issuer::default();
    let patch = r#"{"lifetime": 2.5, "shape": "c", "issuing": "rotating", "lock_after": null}"#;
    let response = send(&issuer, control(Method::PATCH, "/rules", patch)).await;

    assert_eq!(response.status, StatusCode::OK);
    let expected = Rules::new()
        .lifetime(Duration::from_millis(2500))
        .shape(Shape::C)
        .issuing(Issuing::Rotating)
        .lock_after(None);
    assert_eq!(issuer.rules(), expected);
}

#[tokio::test]
async fn invalid_patch_changes_nothing() {
    let issuer = Issuer::default();
    let patches = [
        "",
        "[]",
        r#"{"lifetime": -1}"#,
        r#"{"lifetime": 5, "shap": "a"}"#,
        r#"{"shape": "d"}"#,
    ];
    for patch in patches {
        let response = send(&issuer, control(Method::PATCH, "/rules", patch)).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{patch}");
    }
    assert_eq!(issuer.rules(), Rules::new());
}

#[tokio::test]
async fn control_api_matches_methods() {
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
async fn control_api_orders_lists_and_cancels_faults() {
    let issuer = Issuer::default();
    let orders = [
        r#"{"at": "token", "fault": "hang"}"#,
        r#"{"at": "token", "fault": {"page": {"status": 520}}, "times": 2}"#,
        r#"{"at": "token", "fault": {"carried-out": {"status": 502}}, "lasting": 60}"#,
        r#"{"at": "api", "fault": {"delay": {"by": 0.5}}, "lasting": 3600}"#,
        r#"{"at": "api", "fault": {"too-many-requests": {}}}"#,
    ];
    for order in orders {
        let response = send(&issuer, control(Method::POST, "/faults", order)).await;
        assert_eq!(response.status, StatusCode::OK, "{order}");
    }
    let by = Duration::from_millis(500);
    let expected = [
        Fault::Hang.at(Endpoint::Token),
        Fault::Page {
            status: StatusCode::from_u16(520).unwrap(),
        }
        .at(Endpoint::Token)
        .times(2),
        Fault::CarriedOut {
            status: StatusCode::BAD_GATEWAY,
        }
        .at(Endpoint::Token)
        .lasting(Duration::from_secs(60)),
    ];
    assert_eq!(issuer.orders()[..3], expected);
    let listed = send(&issuer, control(Method::GET, "/faults", ""))
        .await
        .json();
    assert_eq!(listed[3]["fault"]["delay"]["by"], by.as_secs_f64());
    assert_eq!(listed[4]["times"], 1);

    send(&issuer, control(Method::DELETE, "/faults", "")).await;
    assert_eq!(issuer.orders(), []);
}

#[tokio::test]
async fn invalid_faults_are_an_error() {
    let issuer = Issuer::default();
    let orders = [
        r#"{"at": "token", "fault": "hanging"}"#,
        r#"{"at": "token", "fault": "hang", "time": 2}"#,
        r#"{"at": "token", "fault": "hang", "times": 2, "lasting": 5}"#,
        r#"{"at": "token", "fault": {"page": {"status": 100}}}"#,
        r#"{"at": "token", "fault": {"carried-out": {}}}"#,
        r#"{"at": "token", "fault": {"delay": {"by": -1}}}"#,
        r#"{"at": "elsewhere", "fault": "hang"}"#,
    ];
    for order in orders {
        let response = send(&issuer, control(Method::POST, "/faults", order)).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "{order}");
    }
    assert_eq!(issuer.orders(), []);
}

#[tokio::test]
async fn clock_is_offset_and_advanced() {
    let issuer = issuer(Rules::new());
    let change = r#"{"offset": -60.5, "advance": 3600}"#;
    let clock = send(&issuer, control(Method::PUT, "/clock", change))
        .await
        .json();
    assert_eq!(clock["offset"], -60.5);
    assert_eq!(clock["now"], "Tue, 14 Nov 2023 23:12:19 GMT");

    let shown = send(&issuer, control(Method::GET, "/clock", ""))
        .await
        .json();
    assert_eq!(shown, clock);
    let senseless = send(&issuer, control(Method::PUT, "/clock", r#"{"ahead": 1}"#)).await;
    assert_eq!(senseless.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn unknown_control_path_is_404_and_no_api_call() {
    let issuer = Issuer::default();
    for path in ["", "/", "/nonsense", "/faults/1"] {
        let response = send(&issuer, control(Method::GET, path, "")).await;
        assert_eq!(response.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(issuer.counters().api_calls, 0);
}

#[test]
fn rule_changes_are_serialized() {
    let (issuer, is_done) = (Issuer::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        issuer.change_rules(|rules| {
            scope.spawn(|| {
                issuer.change_rules(|rules| rules.lock_after(7));
                is_done.store(true, Ordering::SeqCst);
            });
            // Enough time for the other change, if it did not wait.
            let mut turns = 0..10_000;
            while !is_done.load(Ordering::SeqCst) && turns.next().is_some() {
                std::thread::yield_now();
            }
            rules.result_code(7)
        });
    });
    assert_eq!(issuer.rules(), Rules::new().result_code(7).lock_after(7));
}

#[test]
fn concurrent_patches_are_both_applied() {
    let issuer = Issuer::default();
    std::thread::scope(|scope| {
        for field in ["result_code", "lock_after"] {
            let issuer = &issuer;
            scope.spawn(move || {
                for value in 1..500 {
                    let patch = json!({ field: value }).to_string();
                    let patching = send(issuer, control(Method::PATCH, "/rules", &patch));
                    let runtime = tokio::runtime::Builder::new_current_thread().build();
                    let response = runtime.unwrap().block_on(patching);
                    assert_eq!(response.status, StatusCode::OK);
                    assert_eq!(json!(issuer.rules())[field], value, "{field}");
                }
            });
        }
    });
}
