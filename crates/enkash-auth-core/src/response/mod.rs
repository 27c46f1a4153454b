//! The response to a token request as a value: status, headers and body become a grant or a failed
//! attempt.
//!
//! From the outside in: what arrived ([`TokenResponse`]), its headers, its body, decoded leniently
//! (`content`, `inflate`, `json`), the fields in it and what their texts say (`wording`); what it
//! means (`verdict`: the rules, first match wins), what of the server's text may be repeated
//! (`filter`), and the [`Grant`] or the [`FailedAttempt`].

mod body;
mod content;
mod failed_attempt;
mod fields;
mod filter;
mod grant;
mod headers;
mod inflate;
mod json;
mod token_response;
mod verdict;
mod wording;

pub(crate) use self::json::number;
pub use self::{
    body::ResponseBody, failed_attempt::FailedAttempt, grant::Grant, token_response::TokenResponse,
};
