//! The response to a token request as a value: status, headers and body become a grant or a failed
//! attempt.
//!
//! From the outside in: the response ([`TokenResponse`]); its body, decoded leniently (`content`); its `fields` and
//! the phrases in them (`wording`); the rules, of which the first match wins (`verdict`); and the server's text
//! without secrets (`filter`).

mod content;
mod fields;
mod filter;
mod token_response;
mod verdict;
mod wording;

pub use self::{
    content::parse_body,
    token_response::{FailedAttempt, Grant, ResponseBody, TokenResponse},
};
