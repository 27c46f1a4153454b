use enkash_auth_core::{Error, ErrorKind};
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// The proxy at `url`, or an error that names the setting `name` and shows nothing of its value.
///
/// [`Matcher`] takes the URL apart and drops what it does not understand. Here nothing is dropped: of
/// a password that is not escaped, a part would pass for the host, and be shown.
pub(super) fn parse(name: &str, url: &str) -> Result<Intercept, Error> {
    understood(url.trim())
        .map_err(|why| Error::new(ErrorKind::InvalidSetting, format!("{name}: {why}")))
}

fn understood(url: &str) -> Result<Intercept, &'static str> {
    // The parser drops it.
    if url.contains('#') {
        return Err("it has a fragment; in a password, # is written %23");
    }
    let uri: Uri = url.parse().map_err(|_| "it is no URL")?;
    if !matches!(uri.scheme_str(), None | Some("http" | "https")) {
        return Err("it is no http:// or https:// proxy");
    }
    let path = uri.path_and_query().map(|rest| rest.as_str());
    if !matches!(path, None | Some("" | "/")) {
        return Err("it has a path or a query; in a password, / is written %2F and ? %3F");
    }
    let authority = uri.authority().ok_or("it has no host")?;
    let (user, rest) = match authority.as_str().rsplit_once('@') {
        Some((user, rest)) => (user, rest),
        None => ("", authority.as_str()),
    };
    if user.contains('@') {
        return Err("it has two @; in a password, @ is written %40");
    }
    let host = authority.host();
    if host.is_empty() {
        return Err("it has no host");
    }
    if rest != host && authority.port_u16().is_none() {
        return Err("its port is no port");
    }
    Matcher::builder()
        .all(url)
        .build()
        .intercept(&Uri::from_static("https://any.example"))
        .ok_or("it is no proxy's URL")
}
