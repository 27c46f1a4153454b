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
/// delays a JSON response until its body is complete or longer than 4 KiB, whatever its status; other
/// responses stream.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct EnkashProfile;

impl Classifier for EnkashProfile {
    fn classify(&self, response: &Seen<'_>) -> Evidence {
        match response.body() {
            None if is_plain_json(response.headers()) => Evidence::NeedsBody,
            Some(body) if is_rejection(body) => match response.status().is_success() {
                true => Evidence::ProofForCall,
                false => Evidence::Proof,
            },
            _ => Evidence::Nothing,
        }
    }
}

/// Returns whether the body is JSON, by its type, and not compressed.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let kind = kind.and_then(|kind| kind.split(|byte| *byte == b';').next());
    let kind = kind.unwrap_or_default().trim_ascii().to_ascii_lowercase();
    let is_json = kind.ends_with(b"/json") || kind.ends_with(b"+json");
    let encoding = headers.get(CONTENT_ENCODING);
    is_json && encoding.is_none_or(|encoding| encoding == "identity")
}

fn is_rejection(body: &[u8]) -> bool {
    let body = String::from_utf8_lossy(body);
    let Ok(Value::Object(fields)) = serde_json::from_str(body.trim_start_matches('\u{feff}'))
    else {
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
