use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// Lists the hosts that never need a proxy. The last one is 127.0.0.0/8 as IPv6 maps it.
const LOOPBACK: &str = "localhost,127.0.0.0/8,::1,::ffff:7f00:0/104";

/// Matches the hosts that need no proxy.
pub struct NoProxy {
    hosts: Matcher,
    /// The entries with a port, which [`Matcher`] does not support.
    with_port: Vec<(u16, Matcher)>,
}

impl NoProxy {
    pub fn new(list: &str) -> Self {
        let mut hosts = LOOPBACK.to_owned();
        let mut with_port = Vec::new();
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        for entry in entries.filter(|entry| !entry.is_empty()) {
            if let Some((host, port)) = split_port(entry) {
                with_port.push((port, matcher(plain(host))));
            } else {
                hosts.push(',');
                hosts.push_str(plain(entry));
            }
        }
        Self {
            hosts: matcher(&hosts),
            with_port,
        }
    }

    pub fn contains(&self, target: &Uri) -> bool {
        let port = target.port_u16().unwrap_or(443);
        let is_in = |matcher: &Matcher| matcher.intercept(target).is_none();
        is_in(&self.hosts)
            || self
                .with_port
                .iter()
                .any(|(only, matcher)| *only == port && is_in(matcher))
    }
}

/// Matches all but `list`.
fn matcher(list: &str) -> Matcher {
    Matcher::builder().all("http://any").no(list).build()
}

/// Splits a valid port off. An IPv6 address with a port has brackets.
fn split_port(entry: &str) -> Option<(&str, u16)> {
    let (host, port) = entry.rsplit_once(':')?;
    let is_host = !host.contains(':') || host.ends_with(']');
    let port = port.parse().ok()?;
    is_host.then_some((host, port))
}

/// Converts to the syntax of [`Matcher`]: no brackets, a dot for subdomains, and `*` for names alone.
fn plain(host: &str) -> &str {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    match bare.strip_prefix('*') {
        Some("") => "*,0.0.0.0/0,::/0",
        Some(below) if below.starts_with('.') => below,
        _ => bare,
    }
}
