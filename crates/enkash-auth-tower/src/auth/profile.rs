use enkash_auth_core::parse_body;
use http::{
    HeaderMap,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use serde_json::Value;

use super::{Classifier, Evidence, Seen};

/// The code of a rejected token.
const CODE: f64 = 117.0;

/// The text of a rejected token.
const TEXT: &str = "Token is invalid.";

/// Recognises how EnKash's Payment Gateway rejects a token: in a JSON body with `response_code` 117, or whose
/// `payload` is the text `Token is invalid.`, under any status.
///
/// With a 2xx that is proof for that call only: other tokens of the platform use the same words. A layer whose
/// credentials are merchant keys has it by default; others [add](crate::EnkashAuthLayer::classifier) it. It
/// reads a body in gzip or deflate, and in no other coding. It delays a JSON response until its body is complete
/// or longer than 4 KiB, whatever its status; other responses stream.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct EnkashProfile;

impl Classifier for EnkashProfile {
    fn classify(&self, response: &Seen<'_>) -> Evidence {
        match response.body() {
            None if is_json(response.headers()) => Evidence::NeedsBody,
            Some(body) if is_rejection(response.headers(), body) => {
                match response.status().is_success() {
                    true => Evidence::ProofForCall,
                    false => Evidence::Proof,
                }
            }
            _ => Evidence::Nothing,
        }
    }
}

/// Returns whether the body is JSON, by its type.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    let kind = kind.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    kind.ends_with(b"/json") || kind.ends_with(b"+json")
}

fn is_rejection(headers: &HeaderMap, body: &[u8]) -> bool {
    let encoding = headers.get(CONTENT_ENCODING);
    let is_deflate = encoding.is_some_and(|one| one.as_bytes().eq_ignore_ascii_case(b"deflate"));
    let Some(Value::Object(fields)) = parse_body(body, is_deflate) else {
        return false;
    };
    let code = match fields.get("response_code") {
        Some(Value::Number(code)) => code.as_f64(),
        Some(Value::String(code)) => code.trim().parse().ok(),
        _ => None,
    };
    let text = fields.get("payload").and_then(Value::as_str);
    code == Some(CODE) || text == Some(TEXT)
}
