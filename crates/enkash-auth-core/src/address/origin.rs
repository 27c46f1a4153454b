use std::{borrow::Cow, fmt, net::IpAddr, str::FromStr};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::InvalidSetting;

/// Holds a scheme, a host and a port (RFC 6454) that a token may be sent to: https, or http on loopback.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::Origin;
///
/// let origin: Origin = "https://api.enkash.in".parse()?;
/// assert!(origin.matches(&"https://API.enkash.in:443/api/v0/payouts".parse().unwrap()));
/// assert!(!origin.matches(&"https://api.enkash.in.example/".parse().unwrap()));
/// assert!(!origin.matches(&"http://api.enkash.in/".parse().unwrap()));
/// # Ok::<(), enkash_auth_core::InvalidSetting>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    secure: bool,
    /// In lower case.
    host: String,
    port: u16,
    /// Host and port in the usual form: without the default port of the scheme.
    authority: String,
}

impl Origin {
    /// Returns whether a request to `uri` goes to this origin. A relative `uri` matches none.
    // Always: checked for every request.
    #[inline(always)]
    pub fn matches(&self, uri: &Uri) -> bool {
        // Of https alone, the common one: a choice between two texts costs more than the comparison.
        let is_https = self.secure && uri.scheme_str() == Some("https");
        let is_as_written = |authority: &Authority| is_same(authority.as_str(), &self.authority);
        is_https && uri.authority().is_some_and(is_as_written) || self.matches_parts(uri)
    }

    #[cold]
    fn matches_parts(&self, uri: &Uri) -> bool {
        parts(uri).is_ok_and(|(secure, host, port)| {
            secure == self.secure && port == self.port && host.eq_ignore_ascii_case(&self.host)
        })
    }
}

impl TryFrom<&Uri> for Origin {
    type Error = InvalidSetting;

    /// # Errors
    ///
    /// If it has no scheme or no host, has user information, or is neither https nor loopback.
    fn try_from(uri: &Uri) -> Result<Self, InvalidSetting> {
        let (secure, host, port) = parts(uri).map_err(invalid)?;
        let host = host.to_ascii_lowercase();
        if !secure && !is_loopback(&host) {
            return Err(invalid("http is for loopback only"));
        }
        let authority = match (secure, port) {
            (true, 443) | (false, 80) => host.clone(),
            (_, port) => format!("{host}:{port}"),
        };
        Ok(Self {
            secure,
            host,
            port,
            authority,
        })
    }
}

/// Returns whether two texts are equal, without a call if they have 16 to 32 bytes.
#[inline(always)]
fn is_same(one: &str, other: &str) -> bool {
    let ends = |text: &[u8]| {
        let (start, end) = (text.first_chunk()?, text.last_chunk()?);
        (text.len() <= 32).then_some([*start, *end].map(u128::from_ne_bytes))
    };
    let (one, other) = (one.as_bytes(), other.as_bytes());
    one.len() == other.len()
        && match (ends(one), ends(other)) {
            (Some([start, end]), Some(others)) => (start ^ others[0]) | (end ^ others[1]) == 0,
            _ => one == other,
        }
}

/// Returns whether `uri` is https, its host as written, and its port; or what is invalid.
fn parts(uri: &Uri) -> Result<(bool, &str, u16), &'static str> {
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err("it has no scheme or no host");
    };
    let secure = *scheme == Scheme::HTTPS;
    if !secure && *scheme != Scheme::HTTP {
        return Err("its scheme is not https");
    }
    let (host, text) = (authority.host(), authority.as_str());
    if text.contains('@') {
        return Err("it has user information");
    }
    if host.is_empty() {
        return Err("it has no host");
    }
    let port = match text.get(host.len()..) {
        None | Some("" | ":") if secure => 443,
        None | Some("" | ":") => 80,
        Some(_) => authority.port_u16().ok_or("it has an invalid port")?,
    };
    Ok((secure, host, port))
}

impl FromStr for Origin {
    type Err = InvalidSetting;

    /// # Errors
    ///
    /// As for [`Origin::try_from`], and for a path, a query or a fragment.
    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        // `Uri` drops the fragment.
        if text.contains('#') {
            return Err(invalid("it has a fragment"));
        }
        let uri =
            Uri::try_from(text).map_err(|error| invalid("not a valid URL").with_source(error))?;
        if uri.path_and_query().is_some_and(|rest| rest != "/") {
            return Err(invalid("it has a path or a query"));
        }
        Self::try_from(&uri)
    }
}

impl<'de> Deserialize<'de> for Origin {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

/// Deserializes a value from the text that it parses from.
pub fn parsed<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = InvalidSetting>,
{
    let text = Cow::<str>::deserialize(from)?;
    text.parse().map_err(D::Error::custom)
}

fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    let ip = bare.unwrap_or(host).parse::<IpAddr>();
    host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
}

fn invalid(why: &'static str) -> InvalidSetting {
    InvalidSetting::new(format!("origin: {why}"))
}
