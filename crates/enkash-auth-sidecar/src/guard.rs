use std::net::{IpAddr, SocketAddr};

use enkash_auth_axum::{Forwarded, Problem};
use http::{HeaderMap, HeaderName, Request, StatusCode, header::HOST, header::ORIGIN};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Declines requests of web pages: a page opened in a browser on this machine must not spend money.
///
/// `Origin` and `Sec-Fetch-Site` reveal pages of other sites. `Host` reveals DNS rebinding: it names
/// a foreign host that resolves to this address.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    /// The local address of the connection.
    local: SocketAddr,
    /// Whether the listener is bound to an unspecified address. Then there may be further addresses in
    /// front of the machine, so any IP address is allowed as host, but no name, which could be rebound.
    is_unspecified: bool,
}

impl Guard {
    pub(crate) fn new(listener: SocketAddr, local: SocketAddr) -> Self {
        Self {
            local,
            is_unspecified: listener.ip().to_canonical().is_unspecified(),
        }
    }

    pub(crate) fn admit<B>(self, request: &Request<B>) -> Result<(), Problem> {
        let headers = request.headers();
        if !self.is_for_us(headers) {
            return Err(declined(StatusCode::MISDIRECTED_REQUEST, "unknown Host"));
        }
        let host = values(headers, &HOST).next().flatten().and_then(split);
        let is_ours = |origin: &str| {
            let at = origin.strip_prefix("http://");
            at.is_some_and(|at| split(at) == host || (!self.is_unspecified && self.is(at)))
        };
        if !values(headers, &ORIGIN).all(|origin| origin.is_some_and(is_ours)) {
            return Err(declined(StatusCode::FORBIDDEN, "cross-origin request"));
        }
        let is_harmless = |site| matches!(site, "same-origin" | "none");
        if !values(headers, &SEC_FETCH_SITE).all(|site| site.is_some_and(is_harmless)) {
            return Err(declined(StatusCode::FORBIDDEN, "cross-site request"));
        }
        Ok(())
    }

    /// Returns whether `authority` names this listener.
    pub(crate) fn is(self, authority: &str) -> bool {
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
        if self.is_unspecified {
            return ip.is_ok() || is_localhost;
        }
        let local = self.local.ip().to_canonical();
        port == self.local.port() && (ip == Ok(local) || is_localhost && local.is_loopback())
    }

    /// Returns whether a connection to `authority` would reach this listener.
    pub(crate) fn leads_here(self, authority: &str) -> bool {
        let port = split(authority).map(|(_, port)| port);
        port == Some(self.local.port()) && self.is(authority)
    }

    fn is_for_us(self, headers: &HeaderMap) -> bool {
        let mut hosts = values(headers, &HOST);
        matches!((hosts.next(), hosts.next()), (Some(Some(host)), None) if self.is(host))
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

fn declined(status: StatusCode, detail: &'static str) -> Problem {
    tracing::warn!(status = status.as_u16(), "request declined: {detail}");
    Problem::new(status, Forwarded::No).detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(listener: &str, local: &str) -> Guard {
        Guard::new(listener.parse().unwrap(), local.parse().unwrap())
    }

    #[test]
    fn host_of_the_connection_is_allowed() {
        let guard = guard("127.0.0.1:8787", "127.0.0.1:8787");
        for ours in ["127.0.0.1:8787", "localhost:8787", "LOCALHOST:8787"] {
            assert!(guard.is(ours), "{ours}");
        }
        for foreign in [
            "",
            "127.0.0.1",
            "127.0.0.1:",
            "127.0.0.1:80",
            "127.0.0.1:8787:8787",
            "127.0.0.2:8787",
            "[::1]:8787",
            "evil.example:8787",
            "localhost.evil.example:8787",
            "user@127.0.0.1:8787",
            "127.0.0.1:88787",
            "127.0.0.1:+8787",
        ] {
            assert!(!guard.is(foreign), "{foreign}");
        }
    }

    #[test]
    fn default_port_80_may_be_omitted() {
        let guard = guard("[::1]:80", "[::1]:80");
        assert!(guard.is("[::1]") && guard.is("[::1]:80") && guard.is("localhost"));
        assert!(!guard.is("[::1]:8080"));
    }

    #[test]
    fn localhost_is_denied_on_remote_address() {
        let guard = guard("192.0.2.7:8787", "192.0.2.7:8787");
        assert!(guard.is("192.0.2.7:8787"));
        assert!(!guard.is("localhost:8787"));
    }

    #[test]
    fn unspecified_listener_requires_origin_equal_to_host() {
        let guard = guard("0.0.0.0:8787", "192.0.2.7:8787");
        for (origin, is_admitted) in [
            ("http://192.0.2.7:8787", true),
            ("http://203.0.113.9", false),
            ("http://192.0.2.7:3000", false),
            ("http://localhost:8787", false),
            ("https://192.0.2.7:8787", false),
            ("null", false),
        ] {
            let request = Request::post("/api").header(HOST, "192.0.2.7:8787");
            let request = request.header(ORIGIN, origin).body(()).unwrap();
            assert_eq!(guard.admit(&request).is_ok(), is_admitted, "{origin}");
        }
    }

    #[test]
    fn other_port_does_not_lead_to_listener() {
        let unspecified = guard("0.0.0.0:8787", "0.0.0.0:8787");
        assert!(unspecified.leads_here("127.0.0.1:8787"));
        assert!(!unspecified.leads_here("127.0.0.1:9000"));
        assert!(guard("127.0.0.1:80", "127.0.0.1:80").leads_here("localhost"));
    }

    #[test]
    fn unspecified_listener_allows_addresses_but_no_names() {
        let guard = guard("[::]:8787", "[::ffff:127.0.0.1]:8787");
        for ours in [
            "127.0.0.1:9000",
            "192.0.2.7",
            "[2001:db8::1]:8787",
            "localhost:8787",
        ] {
            assert!(guard.is(ours), "{ours}");
        }
        assert!(!guard.is("evil.example:8787"));
    }
}
