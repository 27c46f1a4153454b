//! The response to a token request as a value: status, headers and body become a grant or a failed
//! attempt.
//!
//! From the outside in: what arrived ([`TokenResponse`]), its body, decoded leniently (`content`, `json`),
//! the fields in it and what their texts say (`wording`); what it means (`verdict`: the rules, first match
//! wins), and what of the server's text may be repeated (`filter`).

mod content;
mod fields;
mod filter;
mod json;
mod token_response;
mod verdict;
mod wording;

pub(crate) use self::json::number;
pub use self::token_response::{FailedAttempt, Grant, ResponseBody, TokenResponse};
