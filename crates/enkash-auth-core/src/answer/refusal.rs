use http::StatusCode;

use super::{
    fields::{Fields, text},
    filter::Filter,
};
use crate::{Error, ErrorKind};

/// What an answer means that grants nothing.
pub(super) struct Refusal {
    kind: ErrorKind,
    /// What we saw, or what to check, in our own words; empty where the server's say it all.
    remark: &'static str,
}

impl Refusal {
    const fn new(kind: ErrorKind, remark: &'static str) -> Self {
        Self { kind, remark }
    }

    /// Judges by the rules, of which the first that matches wins; `None` for a success.
    ///
    /// `damage` is what is wrong with the body.
    pub(super) fn of(
        status: StatusCode,
        is_html: bool,
        damage: Option<&'static str>,
        fields: Fields<'_>,
    ) -> Option<Self> {
        unavailable(status, is_html, fields)
            .or_else(|| {
                let damage = damage.filter(|_| status.is_success())?;
                Some(Self::new(ErrorKind::InvalidAnswer, damage))
            })
            .or_else(|| rejected(status, fields))
            .or_else(|| misconfigured(status, fields))
            .or_else(|| forbidden(status, fields))
            .or_else(|| unresolved(status, fields))
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error, in the server's words as far as `filter` lets them through.
    pub(super) fn into_error(
        self,
        status: StatusCode,
        fields: Fields<'_>,
        filter: &Filter,
    ) -> Error {
        let mut detail = format!("status {}", status.as_u16());
        for (name, code) in fields.failure_codes() {
            let code = filter.apply(&text(code));
            detail = format!("{detail}, {name} {code}");
        }
        if let Some(error) = fields.errors().next() {
            let error = filter.apply(&text(error));
            detail = format!("{detail}, {error}");
        }
        if let Some(message) = fields.messages().next() {
            detail = format!("{detail}, \"{}\"", filter.apply(&message));
        }
        if !self.remark.is_empty() {
            detail = format!("{detail}; {}", self.remark);
        }
        Error::new(self.kind, detail)
    }
}

fn unavailable(status: StatusCode, is_html: bool, fields: Fields<'_>) -> Option<Refusal> {
    let is_busy = |status: u16| status == 429 || (500..600).contains(&status);
    if is_html && (status == StatusCode::FORBIDDEN || is_busy(status.as_u16())) {
        return Some(Refusal::new(
            ErrorKind::Unavailable,
            "a page, not an answer",
        ));
    }
    let busy =
        is_busy(status.as_u16()) || fields.has_code(|code| u16::try_from(code).is_ok_and(is_busy));
    busy.then_some(Refusal::new(ErrorKind::Unavailable, ""))
}

fn rejected(status: StatusCode, fields: Fields<'_>) -> Option<Refusal> {
    let rejected = status == StatusCode::UNAUTHORIZED
        || fields.has_error("invalid_grant")
        || fields.has_error("invalid_client")
        || fields.has_code(|code| matches!(code, 400 | 401));
    rejected.then(|| {
        let kind = match fields.is_locked() {
            true => ErrorKind::AccountLocked,
            false => ErrorKind::Rejected,
        };
        Refusal::new(kind, "")
    })
}

fn misconfigured(status: StatusCode, fields: Fields<'_>) -> Option<Refusal> {
    let remark = if fields.has_error("unsupported_grant_type") {
        "check that the base address is that of a product which takes this kind of credentials"
    } else if fields.has_error("invalid_scope") {
        "check the form field `scope`"
    } else if fields.has_error("unauthorized_client") {
        "check the client id, and with EnKash that it may use this kind of credentials"
    } else if status.is_redirection() {
        "check the base address: a redirect is not followed"
    } else {
        match status {
            StatusCode::NOT_FOUND => {
                "check the base address, and that it is the one for this kind of credentials"
            }
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                "check that the kind of credentials is the one for this base address"
            }
            _ => return None,
        }
    };
    Some(Refusal::new(ErrorKind::Misconfigured, remark))
}

fn forbidden(status: StatusCode, fields: Fields<'_>) -> Option<Refusal> {
    let forbidden = status == StatusCode::FORBIDDEN || fields.has_code(|code| code == 403);
    forbidden.then_some(Refusal::new(
        ErrorKind::Forbidden,
        "check that EnKash has allow-listed the egress address of this host and enabled the API",
    ))
}

/// This platform sends rejections with status 200, too: what is no success may be one.
fn unresolved(status: StatusCode, fields: Fields<'_>) -> Option<Refusal> {
    let remark = if !status.is_success() || fields.is_failure() {
        ""
    } else if fields.is_foreign_token_type() {
        "the token is no bearer token"
    } else if fields.token().is_none() {
        "there is no token in the answer"
    } else {
        return None;
    };
    Some(Refusal::new(ErrorKind::Unresolved, remark))
}
