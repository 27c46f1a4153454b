//! Rejections: which requests get no token, in which words, and when the account locks.

use axum::body::Body;
use enkash_auth_sandbox::{Accounts, Issuer, Rejections, Rules};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Request, StatusCode};
use serde_json::json;

use crate::support::{BASIC, FORM, RIGHT, WRONG, form, issuer, merchant, send};

const WRONG_KEYS: &str = r#"{"accessKey":"access-key","secretKey":"guess"}"#;

fn form_as(authorization: &'static str, fields: &'static str) -> Request<Body> {
    let mut request = form(fields);
    let value = authorization.parse().unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

fn strikes(issuer: &Issuer) -> Vec<u32> {
    issuer
        .account_statuses()
        .iter()
        .map(|it| it.strikes)
        .collect()
}

#[tokio::test]
async fn wrong_client_is_401_with_basic_challenge() {
    let issuer = Issuer::default();
    // client-id:guess
    let response = send(&issuer, form_as("Basic Y2xpZW50LWlkOmd1ZXNz", RIGHT)).await;

    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(response.json()["error"], "invalid_client");
    assert_eq!(
        response.header("www-authenticate"),
        r#"Basic realm="oauth2/client""#
    );
    assert_eq!(strikes(&issuer), [1, 0]);
}

#[tokio::test]
async fn absent_client_is_401_and_no_strike() {
    let issuer = Issuer::default();
    let response = send(&issuer, form_as("Bearer nonsense", RIGHT)).await;

    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(response.json()["error"], "unauthorized");
    assert!(response.header("www-authenticate").starts_with("Basic "));
    assert_eq!(strikes(&issuer), [0, 0]);
}

#[tokio::test]
async fn wrong_password_is_400_invalid_grant() {
    let issuer = Issuer::default();
    let response = send(&issuer, form(WRONG)).await;

    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    let expected = json!({ "error": "invalid_grant", "error_description": "Bad credentials" });
    assert_eq!(response.json(), expected);
    assert!(!response.headers.contains_key("www-authenticate"));
    assert_eq!(strikes(&issuer), [1, 0]);
    assert_eq!(issuer.counters().rejections, 1);
}

#[tokio::test]
async fn other_grant_type_is_400_and_no_strike() {
    let issuer = Issuer::default();
    let unsupported = send(&issuer, form("grant_type=otp&username=user%40example.com")).await;
    assert_eq!(unsupported.status, StatusCode::BAD_REQUEST);
    assert_eq!(unsupported.json()["error"], "unsupported_grant_type");

    let absent = send(&issuer, form("username=user%40example.com")).await;
    assert_eq!(absent.json()["error"], "invalid_request");

    let mut as_json = form(RIGHT);
    let json_type = "application/json".parse().unwrap();
    as_json.headers_mut().insert(CONTENT_TYPE, json_type);
    assert_eq!(
        send(&issuer, as_json).await.json()["error"],
        "invalid_request"
    );

    let get = Request::get("/oauth/token").body(Body::empty()).unwrap();
    let get = send(&issuer, get).await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(strikes(&issuer), [0, 0]);
}

#[tokio::test]
async fn three_consecutive_rejections_lock_account() {
    let issuer = Issuer::default();
    send(&issuer, form(WRONG)).await;
    send(&issuer, form(WRONG)).await;
    assert_eq!(send(&issuer, form(RIGHT)).await.status, StatusCode::OK);
    assert_eq!(strikes(&issuer), [0, 0]);

    for _ in 0..3 {
        let rejected = send(&issuer, form(WRONG)).await.json();
        assert_eq!(rejected["error_description"], "Bad credentials");
    }
    let locked = send(&issuer, form(RIGHT)).await;
    assert_eq!(locked.status, StatusCode::BAD_REQUEST);
    assert_eq!(locked.json()["error_description"], "User account is locked");

    issuer.unlock_all();
    assert_eq!(send(&issuer, form(RIGHT)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn account_lock_leaves_other_accounts_open() {
    let accounts = Accounts::new().user("other@example.com", "password");
    let issuer = Issuer::builder().accounts(accounts).build();
    for _ in 0..3 {
        send(&issuer, form(WRONG)).await;
    }

    let other = form("grant_type=password&username=other%40example.com&password=password");
    assert_eq!(send(&issuer, other).await.status, StatusCode::OK);
    let locked = |name| {
        issuer
            .account_statuses()
            .iter()
            .any(|it| it.name == name && it.locked)
    };
    assert!(locked("user@example.com") && !locked("other@example.com"));
}

#[tokio::test]
async fn lock_can_be_disabled() {
    for never in [None, Some(0)] {
        let issuer = issuer(Rules::new().lock_after(never));
        for _ in 0..10 {
            send(&issuer, form(WRONG)).await;
        }
        assert_eq!(send(&issuer, form(RIGHT)).await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn wrong_keys_are_401_with_result_code() {
    let issuer = Issuer::default();
    let response = send(&issuer, merchant(WRONG_KEYS)).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(response.json()["resultCode"], 401);
    assert_eq!(strikes(&issuer), [0, 1]);

    let nonsense = send(&issuer, merchant("{")).await;
    assert_eq!(nonsense.status, StatusCode::BAD_REQUEST);
    assert_eq!(nonsense.json()["resultCode"], 400);
}

#[tokio::test]
async fn rejection_can_have_status_200() {
    let issuer = issuer(Rules::new().rejections(Rejections::InBody));
    let plain = send(&issuer, form(WRONG)).await;
    assert_eq!(plain.status, StatusCode::OK);
    let expected = json!({ "resultCode": 400, "resultMessage": "Bad credentials" });
    assert_eq!(plain.json(), expected);

    issuer.change_rules(|rules| rules.envelope(true));
    let wrapped = send(&issuer, merchant(WRONG_KEYS)).await.json();
    assert_eq!(wrapped["response_code"], 401);
    assert_eq!(wrapped["payload"], json!(null));
    assert_eq!(wrapped["errorResponse"]["error"], "invalid_client");
}

#[tokio::test]
async fn api_key_and_company_can_be_required() {
    let accounts = Accounts::new().api_key("made-up").company_id("CEK1");
    let issuer = Issuer::builder().accounts(accounts).build();
    assert_eq!(
        send(&issuer, form(RIGHT)).await.status,
        StatusCode::UNAUTHORIZED
    );

    let with_key = |fields: String| {
        Request::post("/oauth/token")
            .header(AUTHORIZATION, BASIC)
            .header(CONTENT_TYPE, FORM)
            .header("API-KEY", "made-up")
            .body(Body::from(fields))
            .unwrap()
    };
    let no_company = send(&issuer, with_key(RIGHT.to_owned())).await;
    assert_eq!(no_company.json()["error"], "invalid_request");
    let both = with_key(format!("{RIGHT}&clientId=CEK1"));
    assert_eq!(send(&issuer, both).await.status, StatusCode::OK);
}

#[test]
fn debug_output_shows_no_secret() {
    let accounts = Accounts::none().client("c", "hunter2").user("u", "hunter3");
    let issuer = Issuer::builder()
        .accounts(accounts.merchant("m", "hunter4").api_key("hunter5"))
        .build();
    assert!(!format!("{issuer:?}").contains("hunter"));
}
