//! `/-/sandbox/rules`

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::body::{bad, ok, read};
use crate::issuer::Issuer;
use crate::rules::Rules;

pub(crate) async fn show(State(issuer): State<Issuer>) -> Response {
    ok(issuer.rules())
}

pub(crate) async fn change(State(issuer): State<Issuer>, request: Request) -> Response {
    let patch = match read(request).await {
        Ok(patch) => patch,
        Err(why) => return bad(&why),
    };
    let mut outcome = Ok(());
    issuer.change_rules(|rules| {
        patched(&rules, patch).unwrap_or_else(|error| {
            outcome = Err(error);
            rules
        })
    });
    match outcome {
        Ok(()) => ok(issuer.rules()),
        Err(error) => bad(&error.to_string()),
    }
}

/// The rules with those changed that the patch names.
fn patched(rules: &Rules, patch: Map<String, Value>) -> serde_json::Result<Rules> {
    let mut all = json!(rules);
    if let Value::Object(all) = &mut all {
        all.extend(patch);
    }
    serde_json::from_value(all)
}
