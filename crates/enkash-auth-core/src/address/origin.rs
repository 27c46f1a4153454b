use std::{fmt, net::IpAddr, str::FromStr};

use http::{Uri, uri::Scheme};

use crate::{Error, ErrorKind};

/// A scheme, a host and a port (RFC 6454) that a token may be sent to: https, or http on loopback.
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
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Origin {
    secure: bool,
    /// Lower case; with a port only where it is not the scheme's own.
    authority: String,
}

impl Origin {
    /// Whether a request to `uri` goes to this origin. A relative `uri` goes nowhere.
    pub fn matches(&self, uri: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return false;
        };
        let secure = *scheme == Scheme::HTTPS;
        if secure != self.secure || !(secure || *scheme == Scheme::HTTP) {
            return false;
        }
        authority.as_str() == self.authority
            || Self::try_from(uri).is_ok_and(|other| other == *self)
    }
}

impl TryFrom<&Uri> for Origin {
    type Error = Error;

    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`]: no scheme or host, user information, or an origin that is
    /// neither https nor loopback.
    fn try_from(uri: &Uri) -> Result<Self, Error> {
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid("it has no scheme or no host"));
        };
        if authority.as_str().contains('@') {
            return Err(invalid("it has user information"));
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return Err(invalid("it has no host"));
        }
        let default_port = match scheme {
            "https" => 443,
            "http" if is_loopback(&host) => 80,
            "http" => return Err(invalid("http is for loopback only")),
            _ => return Err(invalid("its scheme is not https")),
        };
        let port = match authority.as_str().get(host.len()..) {
            None | Some("" | ":") => None,
            Some(_) => Some(
                authority
                    .port_u16()
                    .ok_or_else(|| invalid("its port is no port"))?,
            ),
        };
        Ok(Self {
            secure: scheme == "https",
            authority: match port {
                Some(port) if port != default_port => format!("{host}:{port}"),
                _ => host,
            },
        })
    }
}

impl FromStr for Origin {
    type Err = Error;

    /// # Errors
    ///
    /// As for [`Origin::try_from`], and for a path, a query or a fragment.
    fn from_str(text: &str) -> Result<Self, Error> {
        // The parser drops it.
        if text.contains('#') {
            return Err(invalid("it has a fragment"));
        }
        let uri =
            Uri::try_from(text).map_err(|error| invalid("it is no URL").with_source(error))?;
        if !matches!(
            uri.path_and_query().map(|rest| rest.as_str()),
            None | Some("/")
        ) {
            return Err(invalid("it has a path or a query"));
        }
        Self::try_from(&uri)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || bare
            .unwrap_or(host)
            .parse()
            .is_ok_and(|ip: IpAddr| ip.is_loopback())
}

fn invalid(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidSetting, format!("origin: {why}"))
}
