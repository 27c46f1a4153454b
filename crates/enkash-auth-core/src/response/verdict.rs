use http::StatusCode;

use super::{
    content::Content,
    fields::{Fields, text},
    filter::Filter,
    wording::Wording,
};
use crate::{Failure, FailureKind, account::AttemptOutcome};

/// Holds the input of the rules: a response that grants nothing.
pub struct Evidence<'a> {
    pub status: StatusCode,
    pub content: &'a Content<'a>,
    pub fields: Fields<'a>,
    /// Whether there is a token that can be attached.
    pub has_usable_token: bool,
    /// Whether that token was already expired when received.
    pub is_expired: bool,
    pub is_known_good: bool,
}

/// Represents the meaning of a response that grants nothing.
pub struct Verdict {
    pub kind: FailureKind,
    pub outcome: AttemptOutcome,
    pub may_repeat: bool,
    /// The observation, or what to check; empty if the server's text suffices.
    remark: &'static str,
}

impl Evidence<'_> {
    /// Applies the rules; the first that matches wins. Rule 1 is a token.
    pub fn judge(&self) -> Verdict {
        let status = self.effective_status();
        let is_success = self.status.is_success();
        let is_complete = self.content.is_complete();
        let is_page = self.content.is_page();
        let is_failure = self.fields.is_failure();
        let wording = match self.content.json() {
            Some(_) => Wording::new(self.fields.texts()),
            None => Wording::new(self.content.fragments()),
        };
        let says_rejected = wording.says_rejected();

        // 2
        let is_locked = match is_page {
            true => wording.page_says_locked(),
            false => wording.says_locked(),
        };
        if is_locked {
            return Verdict::new(FailureKind::AccountLocked, AttemptOutcome::Locked, "");
        }
        // 3
        if [408, 421, 425, 429, 431, 503, 521, 523, 525, 526].contains(&status) {
            return Verdict::transient(true, "");
        }
        if is_page && is_complete && !says_rejected && (is_success || matches!(status, 400 | 403)) {
            return Verdict::transient(true, "HTML page instead of a token response");
        }
        // 4
        if is_fault(i64::from(status)) || self.fields.has_code(is_fault) {
            return Verdict::transient(self.is_known_good, "");
        }
        // 5
        let names_address = matches!(status, 400 | 401 | 403) && wording.says_address();
        if names_address && !says_rejected || self.is_bare_403(status, &wording) {
            let remark = "check that EnKash has allow-listed the egress address of this host and enabled \
                          the API";
            return Verdict::uncounted(FailureKind::Forbidden, remark);
        }
        // 6
        if let Some(remark) = wrong_setting(status, &wording) {
            return Verdict::uncounted(FailureKind::Misconfigured, remark);
        }
        // 7
        if says_rejected || status == 401 || self.fields.has_code(|code| matches!(code, 400 | 401))
        {
            return Verdict::rejected(false, "");
        }
        // 8
        let is_failed_success =
            (200..300).contains(&status) && is_failure && !self.has_usable_token;
        let is_rejected = is_complete && (is_failed_success || (400..500).contains(&status));
        if is_rejected && !self.is_known_good {
            return Verdict::rejected(true, "unknown error, treated as a rejection");
        }
        // 9
        if is_success
            && !is_failure
            && let Some(remark) = self.useless_token()
        {
            return Verdict::uncounted(FailureKind::InvalidResponse, remark);
        }
        // 10
        let complete = is_complete && !is_timeout(i64::from(status));
        let remark = match self.content.damage().filter(|_| is_success || !is_complete) {
            Some(damage) => damage,
            None if is_success && !is_failure => "there is no token in the response",
            None => "",
        };
        let outcome = AttemptOutcome::Unresolved { complete };
        Verdict::new(FailureKind::Unresolved, outcome, remark)
    }

    /// Returns the status, or the code that replaces it in a 2xx without a token.
    fn effective_status(&self) -> u16 {
        let status = self.status.as_u16();
        if !self.status.is_success() || self.has_usable_token {
            return status;
        }
        self.fields.status().unwrap_or(status)
    }

    /// Returns whether the response is a 403 without any further reason.
    fn is_bare_403(&self, status: u16, wording: &Wording) -> bool {
        status == 403
            && self.content.is_complete()
            && wording.says_forbidden_only()
            && !self.fields.has_code(|code| code != 403)
    }

    fn useless_token(&self) -> Option<&'static str> {
        if self.content.is_cut_after_token() {
            return Some("the body is truncated after the start of a token");
        }
        if !self.fields.has_token() {
            return None;
        }
        Some(if self.is_expired {
            "token already expired when received"
        } else if self.fields.is_foreign_token_type() {
            "the token is not a bearer token"
        } else {
            "the token cannot be used in a header"
        })
    }

    /// Returns the failure, with the server's text as passed by `filter`.
    pub fn failure(&self, verdict: &Verdict, filter: &Filter) -> Failure {
        let mut parts = vec![format!("status {}", self.status.as_u16())];
        for (name, code) in self.fields.failure_codes() {
            parts.push(format!("{name} {}", filter.apply(&text(code))));
        }
        if let Some(error) = self.fields.error() {
            parts.push(filter.apply(&text(error)));
        }
        if let Some(message) = self.fields.message() {
            parts.push(format!("\"{}\"", filter.apply(&message)));
        }
        let mut detail = parts.join(", ");
        if !verdict.remark.is_empty() {
            detail = format!("{detail}; {}", verdict.remark);
        }
        Failure::new(verdict.kind, detail)
    }
}

impl Verdict {
    const fn new(kind: FailureKind, outcome: AttemptOutcome, remark: &'static str) -> Self {
        Self {
            kind,
            outcome,
            may_repeat: false,
            remark,
        }
    }

    const fn rejected(guessed: bool, remark: &'static str) -> Self {
        let outcome = AttemptOutcome::Rejected { guessed };
        Self::new(FailureKind::Rejected, outcome, remark)
    }

    const fn uncounted(kind: FailureKind, remark: &'static str) -> Self {
        Self::new(kind, AttemptOutcome::Uncounted, remark)
    }

    const fn transient(may_repeat: bool, remark: &'static str) -> Self {
        Self {
            may_repeat,
            ..Self::uncounted(FailureKind::Unavailable, remark)
        }
    }
}

/// Returns whether the server failed before it counted anything.
fn is_fault(status: i64) -> bool {
    (500..600).contains(&status) && !is_timeout(status)
}

/// Returns whether a gateway timed out waiting for a server that may still process the request.
fn is_timeout(status: i64) -> bool {
    matches!(status, 504 | 520 | 522 | 524)
}

/// Returns what to check if the server does not support such a request.
fn wrong_setting(status: u16, wording: &Wording) -> Option<&'static str> {
    Some(if wording.says(&["unsupportedgrant"]) {
        "check that the base address is that of a product which accepts this kind of credentials"
    } else if wording.says(&["invalidscope", "unsupportedscope"]) {
        "check the form field `scope`"
    } else {
        match status {
            300..400 => "check the base address: a redirect is not followed",
            404 => "check the base address, and that it is the one for this kind of credentials",
            405 | 415 => "check that the kind of credentials is the one for this base address",
            407 => "check the proxy: it requires credentials of its own",
            _ => return None,
        }
    })
}
