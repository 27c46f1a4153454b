use std::iter;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::{Error, ErrorKind};

/// Holds the address of a proxy, and the credentials for it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Without credentials.
    uri: Uri,
    basic_auth: Option<HeaderValue>,
}

impl Proxy {
    /// Parses the URL of a proxy. An error names the setting `name` and shows nothing of its value.
    pub fn parse(name: &str, url: &str) -> Result<Self, Error> {
        parse(url.trim())
            .map_err(|why| Error::new(ErrorKind::InvalidSetting, format!("{name}: {why}")))
    }

    /// Returns the address, which may be shown.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    pub fn basic_auth(&self) -> Option<&HeaderValue> {
        self.basic_auth.as_ref()
    }
}

/// Drops nothing: a part of an unescaped password would pass for the host, and be shown.
fn parse(url: &str) -> Result<Proxy, &'static str> {
    // `Uri` would drop it.
    if url.contains('#') {
        return Err("has a fragment; in a password, write # as %23");
    }
    let uri: Uri = url.parse().map_err(|_| "not a valid URL")?;
    let scheme = uri.scheme_str().unwrap_or("http");
    if !matches!(scheme, "http" | "https") {
        return Err("not an http:// or https:// URL");
    }
    let path = uri.path_and_query().map(|rest| rest.as_str());
    if !matches!(path, None | Some("" | "/")) {
        return Err("has a path or a query; in a password, write / as %2F and ? as %3F");
    }
    let authority = uri.authority().ok_or("has no host")?;
    let (user, rest) = match authority.as_str().rsplit_once('@') {
        Some((user, rest)) => (Some(user), rest),
        None => (None, authority.as_str()),
    };
    if user.is_some_and(|user| user.contains('@')) {
        return Err("has two @; in a password, write @ as %40");
    }
    let host = authority.host();
    if host.is_empty() {
        return Err("has no host");
    }
    if rest != host && authority.port_u16().is_none() {
        return Err("invalid port");
    }
    let address = Uri::builder()
        .scheme(scheme)
        .authority(rest)
        .path_and_query("/");
    Ok(Proxy {
        uri: address.build().map_err(|_| "not a valid URL")?,
        basic_auth: user.map(basic_auth).transpose()?,
    })
}

/// Encodes `user`, which is percent-encoded, for HTTP Basic. Its bytes need not be UTF-8.
fn basic_auth(user: &str) -> Result<HeaderValue, &'static str> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let bytes: Vec<u8> = percent_decode_str(name)
        .chain(iter::once(b':'))
        .chain(percent_decode_str(password))
        .collect();
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(bytes)))
        .map_err(|_| "user and password cannot be sent")?;
    value.set_sensitive(true);
    Ok(value)
}
