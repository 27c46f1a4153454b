use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use crate::{Error, ErrorKind};

/// Parses the URL of a proxy. An error names the setting `name` and shows nothing of its value.
///
/// [`Matcher`] drops the parts of a URL that it does not support. Here nothing is dropped: a part of an
/// unescaped password would pass for the host, and be shown.
pub fn parse(name: &str, url: &str) -> Result<Intercept, Error> {
    intercept(url.trim())
        .map_err(|why| Error::new(ErrorKind::InvalidSetting, format!("{name}: {why}")))
}

fn intercept(url: &str) -> Result<Intercept, &'static str> {
    // `Uri` would drop it.
    if url.contains('#') {
        return Err("has a fragment; in a password, write # as %23");
    }
    let uri: Uri = url.parse().map_err(|_| "not a valid URL")?;
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err("not an http:// or https:// URL");
    }
    let path = uri.path_and_query().map(|rest| rest.as_str());
    if !matches!(path, None | Some("" | "/")) {
        return Err("has a path or a query; in a password, write / as %2F and ? as %3F");
    }
    let authority = uri.authority().ok_or("has no host")?;
    let (user, rest) = match authority.as_str().rsplit_once('@') {
        Some((user, rest)) => (user, rest),
        None => ("", authority.as_str()),
    };
    if user.contains('@') {
        return Err("has two @; in a password, write @ as %40");
    }
    let host = authority.host();
    if host.is_empty() {
        return Err("has no host");
    }
    if rest != host && authority.port_u16().is_none() {
        return Err("invalid port");
    }
    Matcher::builder()
        .all(url)
        .build()
        .intercept(&Uri::from_static("https://any.example"))
        .ok_or("not the URL of a proxy")
}
