use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use axum::response::{IntoResponse, Response};
use enkash_auth_axum::{Forwarded, Problem};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, StatusCode, Version,
    header::{HOST, ORIGIN, WWW_AUTHENTICATE},
};

use crate::{
    account_files::ACCOUNT,
    address::Address,
    caller_key::{CALLER_KEY, CallerKey},
};

/// The `Retry-After` above the connection limit.
const RETRY_AFTER: Duration = Duration::from_secs(1);

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Declines requests of web pages, which must not spend money, of callers without the key, and beyond the limit.
///
/// `Origin` and `Sec-Fetch-Site` reveal pages of other sites. `Host` reveals DNS rebinding: it names
/// a foreign host that resolves to this address.
pub(crate) struct Guard {
    listener: Address,
    /// Names in `Host` that are allowed beside those of the listener, with a port or for all ports.
    allowed_hosts: Vec<String>,
    key: Option<CallerKey>,
    /// How many accounts a request may name: with one account only, a caller that names one means another.
    accounts: usize,
}

impl Guard {
    pub(crate) fn new(
        listener: &Address,
        allowed_hosts: &[String],
        key: Option<CallerKey>,
        accounts: usize,
    ) -> Self {
        Self {
            listener: listener.clone(),
            allowed_hosts: allowed_hosts.to_vec(),
            key,
            accounts,
        }
    }

    /// Returns the response to a request that is declined. Takes the key out of any other. `local` is the
    /// local address of the connection; a Unix socket has none. Without a slot, every request is declined.
    pub(crate) fn decline<B>(
        &self,
        local: Option<SocketAddr>,
        has_slot: bool,
        request: &mut Request<B>,
    ) -> Option<Response> {
        let headers = request.headers();
        let host = values(headers, &HOST).next().flatten().and_then(split);
        let is_ours = |origin: &str| {
            let at = origin.strip_prefix("http://");
            at.is_some_and(|at| {
                let is_same = host.is_some() && split(at) == host;
                is_same || (self.has_own_name() && self.is(at, local))
            })
        };
        let is_harmless = |site| matches!(site, "same-origin" | "none");
        let (status, detail) = if !self.is_for_us(local, request) {
            let detail = "unknown Host; --allow-host allows one";
            (StatusCode::MISDIRECTED_REQUEST, detail)
        } else if !values(headers, &ORIGIN).all(|origin| origin.is_some_and(is_ours)) {
            (StatusCode::FORBIDDEN, "cross-origin request")
        } else if !values(headers, &SEC_FETCH_SITE).all(|site| site.is_some_and(is_harmless)) {
            (StatusCode::FORBIDDEN, "cross-site request")
        } else if self.key.as_ref().is_some_and(|key| !key.is_in(headers)) {
            let detail = "the caller key is missing or wrong";
            (StatusCode::UNAUTHORIZED, detail)
        } else if headers.get_all(ACCOUNT).iter().nth(self.accounts).is_some() {
            let detail = "x-enkash-account is sent twice, or without --accounts";
            (StatusCode::BAD_REQUEST, detail)
        } else if !has_slot {
            (StatusCode::SERVICE_UNAVAILABLE, "too many connections")
        } else {
            request.headers_mut().remove(CALLER_KEY);
            return None;
        };
        tracing::warn!(status = status.as_u16(), "request declined: {detail}");
        let mut problem = Problem::new(status, Forwarded::No).detail(detail);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            problem = problem.retry_after(RETRY_AFTER);
        }
        let mut response = problem.into_response();
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Enkash-Caller-Key");
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        Some(response)
    }

    /// Returns whether `authority` names this listener, for a connection to `local`.
    fn is(&self, authority: &str, local: Option<SocketAddr>) -> bool {
        let Some((host, port)) = split(authority) else {
            return false;
        };
        let ip = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .unwrap_or(host)
            .parse()
            .map(|ip: IpAddr| ip.to_canonical());
        let is_localhost = host.eq_ignore_ascii_case("localhost");
        let Some(local) = local else {
            return is_localhost;
        };
        if !self.has_own_name() {
            return ip.is_ok() || is_localhost;
        }
        let local_ip = local.ip().to_canonical();
        port == local.port() && (ip == Ok(local_ip) || is_localhost && local_ip.is_loopback())
    }

    /// Returns whether the listener has one address. A Unix socket has none. Bound to an unspecified one,
    /// there may be further addresses in front of the machine, so any IP address is allowed as host, but
    /// no name, which could be rebound.
    fn has_own_name(&self) -> bool {
        match self.listener {
            Address::Tcp(address) => !address.ip().to_canonical().is_unspecified(),
            Address::Unix(_) => false,
        }
    }

    /// Returns whether a connection to `authority` would reach this listener.
    pub(crate) fn leads_here(&self, authority: &str) -> bool {
        let Address::Tcp(address) = self.listener else {
            return false;
        };
        let port = split(authority).map(|(_, port)| port);
        port == Some(address.port()) && self.is(authority, Some(address))
    }

    /// Without `Host`, only HTTP/1.0 from this machine: every browser sends one.
    fn is_for_us<B>(&self, local: Option<SocketAddr>, request: &Request<B>) -> bool {
        let mut hosts = values(request.headers(), &HOST);
        match (hosts.next(), hosts.next()) {
            (Some(Some(host)), None) => self.is(host, local) || self.allows(host),
            (None, None) => {
                let is_local = |local: SocketAddr| local.ip().to_canonical().is_loopback();
                request.version() == Version::HTTP_10 && local.is_none_or(is_local)
            }
            _ => false,
        }
    }

    fn allows(&self, authority: &str) -> bool {
        let allows = |(host, port): (&str, u16)| {
            self.allowed_hosts.iter().any(|allowed| {
                let with_port = split(allowed).filter(|(_, allowed)| *allowed == port);
                let allowed = with_port.map_or(allowed.as_str(), |(allowed, _)| allowed);
                allowed.eq_ignore_ascii_case(host)
            })
        };
        split(authority).is_some_and(allows)
    }
}

/// Returns every value of a header; `None` for one that is not text.
fn values<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = Option<&'a str>> {
    let values = headers.get_all(name).into_iter();
    values.map(|value| value.to_str().ok())
}

/// Returns host and port of an authority, or `None` if it has user information.
fn split(authority: &str) -> Option<(&str, u16)> {
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, decimal(port)?),
        _ => (authority, 80),
    };
    (!host.contains('@')).then_some((host, port))
}

fn decimal(port: &str) -> Option<u16> {
    let is_decimal = port.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal.then(|| port.parse().ok())?
}

#[cfg(test)]
#[path = "../tests/unit/guard.rs"]
mod tests;
