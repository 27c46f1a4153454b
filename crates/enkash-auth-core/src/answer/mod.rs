//! The answer to a token request as a value: status, headers and body become a grant or a refusal.
//!
//! A file each: what arrived ([`TokenAnswer`]), its headers, its body and the fields in it, what a
//! refusal means (the rules, first match wins), what of the server's text may be repeated, and the
//! [`Grant`].

mod body;
mod fields;
mod filter;
mod grant;
mod headers;
mod refusal;
mod token_answer;
mod wiped;

pub use self::{body::AnswerBody, grant::Grant, token_answer::TokenAnswer};
