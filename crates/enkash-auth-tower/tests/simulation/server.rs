//! The token server: an account, locked at the third failure in a row, and the tokens it has issued.

use std::{
    collections::BTreeMap,
    time::{Duration, UNIX_EPOCH},
};

use http::{Response, header::DATE};

use crate::{
    clock::{Millis, unix_nanos},
    plan::{Issuer, Plan},
    world::World,
};

/// The password of most replicas, and its successor.
pub(crate) const OLD: u32 = 1;
pub(crate) const NEW: u32 = 2;

/// The failures in a row that lock an account.
const LOCKS_AT: usize = 3;

pub(crate) struct Server {
    issuer: Issuer,
    lifetime: Millis,
    is_absolute: bool,
    pub(crate) password: u32,
    /// The token requests that failed since the last success, by number.
    pub(crate) failures: Vec<usize>,
    pub(crate) is_locked: bool,
    tokens: BTreeMap<String, Token>,
    newest: Option<String>,
}

struct Token {
    expiry: Millis,
    is_revoked: bool,
}

/// What a response means for the credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Meaning {
    Granted,
    Rejected,
    Locked,
    /// Neither granted nor rejected.
    Unclear,
    /// They were not checked.
    Uncounted,
}

impl Server {
    pub(crate) fn new(plan: &Plan) -> Self {
        Self {
            issuer: plan.issuer,
            lifetime: plan.lifetime,
            is_absolute: plan.is_absolute,
            password: plan.password,
            failures: Vec::new(),
            is_locked: false,
            tokens: BTreeMap::new(),
            newest: None,
        }
    }

    /// Returns the expiry of `token`, if it was issued.
    pub(crate) fn expiry(&self, token: &str) -> Option<Millis> {
        self.tokens.get(token).map(|token| token.expiry)
    }

    /// Returns whether the API accepts `token`.
    pub(crate) fn accepts(&self, token: &str, at: Millis) -> bool {
        let token = self.tokens.get(token);
        token.is_some_and(|token| !token.is_revoked && at < token.expiry)
    }

    /// An operator unlocks the account.
    pub(crate) fn unlock(&mut self) {
        self.failures.clear();
        self.is_locked = false;
    }

    fn issue(&mut self, at: Millis) -> (String, Millis) {
        let newest = self.newest.as_ref();
        let reused =
            newest.filter(|token| self.issuer == Issuer::Reusing && self.accepts(token, at));
        if let Some(token) = reused {
            return (token.clone(), self.tokens[token].expiry);
        }
        if let (Issuer::Revoking, Some(old)) = (self.issuer, newest) {
            self.tokens.get_mut(old).unwrap().is_revoked = true;
        }
        let token = format!("token-number-{}", self.tokens.len() + 1);
        let expiry = at + self.lifetime;
        let issued = Token {
            expiry,
            is_revoked: false,
        };
        self.tokens.insert(token.clone(), issued);
        self.newest = Some(token.clone());
        (token, expiry)
    }
}

impl World {
    /// Responds to token request `number` with `password`, whether it is carried out or not.
    pub(crate) fn respond(&mut self, number: usize, password: u32) -> (Meaning, Response<String>) {
        let network = self.plan.network;
        if self.chance(network.odd) {
            return self.uncounted();
        }
        let judged = self.judge(number, password);
        if self.chance(network.unclear) {
            return self.unclear();
        }
        if self.chance(network.belied) {
            return self.uncounted();
        }
        judged
    }

    fn judge(&mut self, number: usize, password: u32) -> (Meaning, Response<String>) {
        let (at, server) = (self.now, &mut self.server);
        if server.is_locked {
            let body = r#"{"error":"invalid_grant","error_description":"User account is locked"}"#;
            return (Meaning::Locked, response(400, at, body));
        }
        if password != server.password {
            server.failures.push(number);
            server.is_locked = server.failures.len() >= LOCKS_AT;
            self.history.failed(number, &self.server.failures);
            let (status, body) = match self.rng.u8(..3) {
                0 => (400, r#"{"error":"invalid_grant"}"#),
                1 => (401, ""),
                _ => (
                    200,
                    r#"{"resultCode":401,"resultMessage":"Bad credentials"}"#,
                ),
            };
            return (Meaning::Rejected, response(status, at, body));
        }
        server.failures.clear();
        self.history.granted(password);
        let (token, expiry) = server.issue(at);
        let left = (expiry - at) / 1_000;
        let body = if server.is_absolute {
            let expiry = unix_nanos(expiry, 0) / 1_000_000;
            format!(r#"{{"token":"{token}","expiry":{expiry}}}"#)
        } else {
            format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{left}}}"#)
        };
        // To the client, a token that expires within this second is none.
        let meaning = match server.is_absolute || left > 0 {
            true => Meaning::Granted,
            false => Meaning::Uncounted,
        };
        (meaning, response(200, at, &body))
    }

    /// Returns a response that is in no table of rejections.
    fn unclear(&mut self) -> (Meaning, Response<String>) {
        let (status, body) = match self.rng.u8(..3) {
            0 => (400, r#"{"message":"E-17"}"#),
            1 => (418, "no"),
            _ => (200, r#"{"resultCode":77}"#),
        };
        (Meaning::Unclear, response(status, self.now, body))
    }

    fn uncounted(&mut self) -> (Meaning, Response<String>) {
        let (status, body) = match self.rng.u8(..5) {
            0 => (503, "<html>maintenance</html>"),
            1 => (403, "<html>blocked</html>"),
            2 => (502, ""),
            3 => (403, ""),
            _ => (429, ""),
        };
        let mut response = response(status, self.now, body);
        if status == 429 {
            let seconds = self.rng.u64(1..=5).into();
            response.headers_mut().insert("retry-after", seconds);
        }
        (Meaning::Uncounted, response)
    }
}

fn response(status: u16, at: Millis, body: &str) -> Response<String> {
    let date = UNIX_EPOCH + Duration::from_nanos(unix_nanos(at, 0));
    Response::builder()
        .status(status)
        .header(DATE, httpdate::fmt_http_date(date))
        .body(body.to_owned())
        .unwrap()
}
