//! The issuer: what it makes of a password, and of a token.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use http::{Response, header::DATE};

use crate::{
    checks::Verdict,
    clock::{Millis, true_moment},
    plan::{Passwords, Plan, Style},
    world::World,
};

/// What the replicas start with, and what comes after it.
pub(crate) const OLD: u32 = 1;
pub(crate) const NEW: u32 = 2;

/// Failed attempts in a row that lock an account.
const LOCKS_AT: usize = 3;

pub(crate) struct Issuer {
    style: Style,
    lifetime: Millis,
    is_absolute: bool,
    pub(crate) password: u32,
    /// The requests in a row that had a wrong password.
    pub(crate) failed: Vec<u64>,
    pub(crate) is_locked: bool,
    tokens: BTreeMap<String, Minted>,
    newest: Option<String>,
}

struct Minted {
    end: Millis,
    is_revoked: bool,
}

impl Issuer {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            style: plan.style,
            lifetime: plan.lifetime,
            is_absolute: plan.is_absolute,
            password: match plan.passwords {
                Passwords::Wrong => NEW,
                Passwords::Right | Passwords::Rotated(..) => OLD,
            },
            failed: Vec::new(),
            is_locked: false,
            tokens: BTreeMap::new(),
            newest: None,
        }
    }

    /// The end of `token`, which it must have minted.
    pub(crate) fn end(&self, token: &str) -> Option<Millis> {
        self.tokens.get(token).map(|minted| minted.end)
    }

    /// Whether the API takes `token`.
    pub(crate) fn accepts(&self, token: &str, at: Millis) -> bool {
        let minted = self.tokens.get(token);
        minted.is_some_and(|minted| !minted.is_revoked && at < minted.end)
    }

    fn grant(&mut self, at: Millis) -> (String, Millis) {
        let held = self.newest.as_ref().filter(|_| self.style == Style::Sticky);
        if let Some(token) = held.filter(|token| self.accepts(token, at)) {
            return (token.clone(), self.tokens[token].end);
        }
        if let (Style::Revoking, Some(old)) = (self.style, &self.newest) {
            self.tokens.get_mut(old).unwrap().is_revoked = true;
        }
        let token = format!("token-number-{}", self.tokens.len() + 1);
        let end = at + self.lifetime;
        let minted = Minted {
            end,
            is_revoked: false,
        };
        self.tokens.insert(token.clone(), minted);
        self.newest = Some(token.clone());
        (token, end)
    }
}

impl World {
    /// The issuer answers token request `number`, which came with `password`.
    pub(crate) fn judge(&mut self, number: u64, password: u32) -> (Verdict, Response<String>) {
        let at = self.now;
        if self.chance(self.plan.weather.odd_answers) {
            return (Verdict::Odd, self.odd_answer());
        }
        let issuer = &mut self.issuer;
        if issuer.is_locked {
            let body = r#"{"error":"invalid_grant","error_description":"User account is locked"}"#;
            return (Verdict::Refused, answer(400, at, body));
        }
        if password != issuer.password {
            issuer.failed.push(number);
            issuer.is_locked = issuer.failed.len() >= LOCKS_AT;
            return (Verdict::Refused, self.refusal());
        }
        issuer.failed.clear();
        let (token, end) = issuer.grant(at);
        let body = if issuer.is_absolute {
            let end = true_moment(end).unix_nanos() / 1_000_000;
            format!(r#"{{"token":"{token}","expiry":{end}}}"#)
        } else {
            let left = (end - at) / 1_000;
            format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{left}}}"#)
        };
        (Verdict::Granted, answer(200, at, &body))
    }

    fn refusal(&mut self) -> Response<String> {
        match self.rng.u8(..3) {
            0 => answer(400, self.now, r#"{"error":"invalid_grant"}"#),
            1 => answer(401, self.now, ""),
            _ => answer(
                200,
                self.now,
                r#"{"resultCode":401,"resultMessage":"Bad credentials"}"#,
            ),
        }
    }

    /// Neither a grant nor a refusal: the password was not looked at.
    fn odd_answer(&mut self) -> Response<String> {
        let at = self.now;
        match self.rng.u8(..8) {
            0 | 1 => answer(503, at, "<html>maintenance</html>"),
            2 => answer(403, at, "<html>blocked</html>"),
            3 => answer(502, at, ""),
            4 => answer(200, at, ""),
            5 => answer(200, at, r#"{"resultCode":500}"#),
            6 if self.rng.bool() => answer(403, at, r#"{"error":"forbidden"}"#),
            _ => {
                let mut response = answer(429, at, "");
                let seconds = self.rng.u64(1..=5).into();
                response.headers_mut().insert("retry-after", seconds);
                response
            }
        }
    }
}

fn answer(status: u16, at: Millis, body: &str) -> Response<String> {
    let date = UNIX_EPOCH + Duration::from_nanos(true_moment(at).unix_nanos());
    Response::builder()
        .status(status)
        .header(DATE, httpdate::fmt_http_date(date))
        .body(body.to_owned())
        .unwrap()
}
