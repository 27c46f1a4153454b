use std::{env, ffi::OsString, fmt, path::Path, sync::Arc, time::Duration};

use http::{Uri, uri::Scheme};
use hyper_util::client::legacy::connect::HttpConnector;

use super::{EgressConnector, Resolver, no_proxy::NoProxy, proxy::Proxy, roots::Roots};
use crate::{Error, ErrorKind};

/// Lists the variables in curl's order.
const PROXY: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];
const CA_FILE: &str = "ENKASH_CA_FILE";

/// Configures connections to EnKash's servers: a proxy, the hosts that need none, and certificates to trust.
///
/// Accounts are allow-listed by address, so calls often go through a proxy whose address is fixed. It
/// opens a tunnel (`CONNECT host:port`) and sees neither token nor password: TLS is between this process
/// and EnKash. Requests to loopback, or over plain http, never go through it.
///
/// # Examples
///
/// From the variables that other programs read too:
///
/// ```
/// use enkash_auth_tower::Egress;
///
/// // In a program: `Egress::from_env()`
/// let egress = Egress::from_lookup(|name| match name {
///     "HTTPS_PROXY" => Some("http://user:password@proxy.example:3128".into()),
///     "NO_PROXY" => Some("internal.example, 10.0.0.0/8".into()),
///     _ => None,
/// })?;
/// let proxy = egress.proxy_for(&"https://api.enkash.in/oauth/token".parse().unwrap());
/// assert_eq!(proxy.unwrap().host(), Some("proxy.example"));
/// assert!(egress.proxy_for(&"https://www.internal.example".parse().unwrap()).is_none());
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
///
/// By hand, for token requests and for calls:
///
/// ```
/// use std::time::Duration;
///
/// use bytes::Bytes;
/// use enkash_auth_tower::{Credentials, Egress, Environment, TokenEndpoint};
/// use http_body_util::Full;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
///
/// let egress = Egress::direct().proxy("http://proxy.example:3128")?;
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let endpoint = TokenEndpoint::with_egress(Environment::Test, keys, &egress)?;
/// let calls: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new())
///     .build(egress.connector(Duration::from_secs(3))?);
/// # drop((endpoint, calls));
/// # Ok::<(), enkash_auth_tower::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "settings connect nothing by themselves"]
pub struct Egress {
    proxy: Option<Proxy>,
    no_proxy: Arc<NoProxy>,
    roots: Roots,
    resolver: Resolver,
}

impl Egress {
    /// Creates settings without a proxy, and with the Mozilla roots.
    pub fn direct() -> Self {
        Self {
            proxy: None,
            no_proxy: Arc::new(NoProxy::new("")),
            roots: Roots::mozilla(),
            resolver: Resolver::new(),
        }
    }

    /// Resolves names with `resolver`.
    #[cfg(test)]
    pub(crate) fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = resolver;
        self
    }

    /// Reads the environment of the process. A blank variable is unset.
    ///
    /// | variable | what it is |
    /// |---|---|
    /// | `https_proxy`, `HTTPS_PROXY`, `all_proxy`, `ALL_PROXY` | the proxy; the first that is set, as in curl. See [`proxy`](Self::proxy) |
    /// | `no_proxy`, `NO_PROXY` | the hosts that need none. See [`no_proxy`](Self::no_proxy) |
    /// | `ENKASH_CA_FILE` | certificates to trust beside the Mozilla roots. See [`trust_file`](Self::trust_file) |
    ///
    /// `HTTP_PROXY` is not read: it is for plain http, which is for loopback only here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] for one that cannot be used; the text names the variable and does not
    /// show its value.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_lookup(|name| env::var_os(name))
    }

    /// Reads the variables of [`from_env`](Self::from_env) that `lookup` finds.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let mut egress = Self::direct();
        if let Some((name, url)) = first(&lookup, &PROXY)? {
            egress.proxy = Some(Proxy::parse(name, &url)?);
        }
        if let Some((_, list)) = first(&lookup, &NO_PROXY)? {
            egress = egress.no_proxy(&list);
        }
        // A path need not be UTF-8.
        let is_blank = |path: &OsString| path.to_str().is_some_and(|path| path.trim().is_empty());
        if let Some(path) = lookup(CA_FILE).filter(|path| !is_blank(path)) {
            egress.roots.add_file(CA_FILE, path.as_ref())?;
        }
        Ok(egress)
    }

    /// Connects through the proxy at `url`: `http://` or `https://`, a host, and optionally a port (by
    /// default 80 or 443) and `user:password@`, with `@`, `:`, `/`, `?`, `#` and `%` written as `%40`
    /// and so on; any byte may be. Without a scheme it is `http://`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] for any other URL.
    pub fn proxy(mut self, url: &str) -> Result<Self, Error> {
        self.proxy = Some(Proxy::parse("proxy", url)?);
        Ok(self)
    }

    /// Connects directly to the hosts in `list`, in place of those set before.
    ///
    /// Separated by commas: a domain with its subdomains (`internal.example`, or `.internal.example`),
    /// an address (`192.0.2.7`), a network (`10.0.0.0/8`), or `*` for every host, each with `:port` for
    /// that port alone. Names are compared with names and addresses with addresses; none is resolved.
    pub fn no_proxy(mut self, list: &str) -> Self {
        self.no_proxy = Arc::new(NoProxy::new(list));
        self
    }

    /// Trusts the certificates in `pem` beside those trusted already.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if it holds no certificate, or an invalid one; the text says which.
    pub fn trust_pem(mut self, pem: &[u8]) -> Result<Self, Error> {
        self.roots.add("CA certificates", pem)?;
        Ok(self)
    }

    /// Trusts the certificates in a PEM file beside those trusted already. It is read once.
    ///
    /// # Errors
    ///
    /// As for [`trust_pem`](Self::trust_pem), and for a file that cannot be read or is longer than
    /// 4 MiB.
    pub fn trust_file(mut self, path: impl AsRef<Path>) -> Result<Self, Error> {
        self.roots.add_file("CA file", path.as_ref())?;
        Ok(self)
    }

    /// Verifies servers as the operating system does, in place of the Mozilla roots. What is trusted by
    /// [`trust_pem`](Self::trust_pem) and [`trust_file`](Self::trust_file), before or after, is trusted as well.
    #[cfg(feature = "rustls-platform-verifier")]
    pub fn platform_verifier(mut self) -> Self {
        self.roots.platform();
        self
    }

    /// Returns the proxy that a connection to `target` goes through, without its credentials.
    pub fn proxy_for(&self, target: &Uri) -> Option<&Uri> {
        self.intercept(target).map(Proxy::uri)
    }

    /// Creates a connector for hyper-util's client: TLS (rustls) if the address is https,
    /// HTTP/1.1, through the proxy if there is one. Name, TCP, tunnel and TLS take at most `limit`, or
    /// nothing is sent. If a name has several addresses, they divide the limit among them, so that a
    /// dead one is skipped.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if TLS cannot be set up: without the feature `ring`, the process has to have
    /// installed a crypto provider. The one that it has when the first connector or endpoint with these roots is made
    /// stays theirs.
    pub fn connector(&self, limit: Duration) -> Result<EgressConnector, Error> {
        let tls = self.roots.tls()?;
        Ok(EgressConnector::new(self.clone(), &tls, limit))
    }

    /// Creates a connector over plain TCP. The addresses of a name divide `limit` among them.
    pub(super) fn tcp(&self, limit: Duration) -> HttpConnector<Resolver> {
        let mut tcp = HttpConnector::new_with_resolver(self.resolver.clone());
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(limit));
        tcp
    }

    pub(super) fn intercept(&self, target: &Uri) -> Option<&Proxy> {
        let proxy = self.proxy.as_ref()?;
        let proxied = target.scheme() == Some(&Scheme::HTTPS) && !self.no_proxy.contains(target);
        proxied.then_some(proxy)
    }
}

impl Default for Egress {
    fn default() -> Self {
        Self::direct()
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("proxy", &self.proxy.as_ref().map(Proxy::uri))
            .finish_non_exhaustive()
    }
}

/// Returns the first of the variables `names` that is set, and its name.
fn first(
    lookup: impl Fn(&str) -> Option<OsString>,
    names: &[&'static str],
) -> Result<Option<(&'static str, String)>, Error> {
    for name in names {
        match lookup(name).map(OsString::into_string) {
            Some(Ok(value)) if !value.trim().is_empty() => return Ok(Some((name, value))),
            Some(Err(_)) => {
                let detail = format!("{name}: not UTF-8");
                return Err(Error::new(ErrorKind::InvalidSetting, detail));
            }
            _ => {}
        }
    }
    Ok(None)
}
