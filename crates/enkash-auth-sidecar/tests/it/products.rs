//! Products of EnKash that want more than a token, or reject one in their own way.

use enkash_auth_sandbox::{Accounts, Issuer, Issuing, Rules};
use http::StatusCode;

use super::stage::{Dialect, PASSWORD, SECRETS, Stage, command, issuer, sandbox};

const PARTNER: &str = "partner-Vd5nT8";
const CALL_KEY: &str = "call-Hx2mR7jLw9";

/// Starts a sidecar before `issuer` with these variables beside its credentials.
async fn stage(issuer: Issuer, dialect: Dialect, variables: &[(&str, &str)]) -> Stage {
    let sandbox = sandbox(issuer).await;
    let mut command = command(&sandbox, dialect);
    command.envs(variables.iter().copied());
    Stage::with_command(sandbox, command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn partner_call_carries_the_headers_of_its_settings() {
    let [client_secret, _, _, _, api_key, access_key, secret_key] = SECRETS;
    let accounts = Accounts::none()
        .client("client-id", client_secret)
        .user("user@example.com", PASSWORD)
        .merchant(access_key, secret_key)
        .api_key(api_key)
        .partner_id(PARTNER);
    let issuer = || Issuer::builder().accounts(accounts.clone()).build();
    let without = stage(issuer(), Dialect::Form, &[]).await;
    let response = without.get("/api/v0/cards").await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    without.finish().await;

    let headers = format!("API-Key: {CALL_KEY}, mid: 5");
    let variables = [
        ("ENKASH_PARTNER_ID", PARTNER),
        ("ENKASH_CALL_HEADERS", headers.as_str()),
    ];
    let stage = stage(issuer(), Dialect::Form, &variables).await;
    let response = stage.get("/api/v0/cards").await;
    assert_eq!(response.status, StatusCode::OK);
    let arrived = &response.json()["headers"];
    for (name, value) in [("partnerid", PARTNER), ("api-key", CALL_KEY), ("mid", "5")] {
        assert_eq!(arrived[name], serde_json::json!([value]), "{name}");
    }
    let output = stage.sidecar.kill().await;
    assert!(!output.contains(CALL_KEY), "{output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn token_rejected_by_payment_gateway_is_replaced() {
    for (status, scheme) in [(400, "bearer"), (200, "none")] {
        let status = StatusCode::from_u16(status).unwrap();
        let rules = Rules::new().issuing(Issuing::Rotating);
        let issuer = issuer(rules.payment_gateway(status));
        let stage = stage(issuer, Dialect::Json, &[("ENKASH_SCHEME", scheme)]).await;
        let response = stage.get("/api/v0/payment").await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.json()["path"], "/api/v0/payment", "{scheme}");
        stage.issuer().revoke_all();
        let response = stage.get("/api/v0/payment").await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.json()["path"], "/api/v0/payment", "{status}");
        assert_eq!(stage.token_requests(), 2, "{status}");
        stage.finish().await;
    }
}

/// Settings that this API does not accept, which shows that they are read.
#[tokio::test(flavor = "multi_thread")]
async fn omitted_key_or_scheme_reaches_the_api() {
    let gateway = Rules::new().payment_gateway(StatusCode::BAD_REQUEST);
    for (rules, variable, expected) in [
        (gateway, ("ENKASH_OMIT_ACCESS_KEY", "true"), 400),
        (Rules::new(), ("ENKASH_SCHEME", "none"), 401),
    ] {
        let stage = stage(issuer(rules), Dialect::Json, &[variable]).await;
        let response = stage.get("/api/v0/payment").await;
        assert_eq!(response.status, expected, "{variable:?}");
        stage.finish().await;
    }
}
