use std::{fmt, str::FromStr};

use http::Uri;
use serde::{Deserialize, Deserializer};

use super::{Origin, origin::parsed};
use crate::InvalidSetting;

/// Holds the address of a token server, such as `https://api.enkash.in`: scheme, host, optional port and
/// path, without a slash at its end. https only, except for loopback.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::BaseUrl;
///
/// let base: BaseUrl = "https://API.enkash.in/".parse()?;
/// assert_eq!(base.as_str(), "https://api.enkash.in");
/// assert!("http://api.enkash.in".parse::<BaseUrl>().is_err());
/// assert!("http://127.0.0.1:8080".parse::<BaseUrl>().is_ok());
/// # Ok::<(), enkash_auth_core::InvalidSetting>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BaseUrl {
    text: String,
    origin: Origin,
}

impl BaseUrl {
    /// Returns the address as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns scheme, host and port.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Returns the address of `path`, which starts with a slash, below this one.
    pub(crate) fn join(&self, path: &str) -> Result<Uri, InvalidSetting> {
        Uri::try_from(format!("{}{path}", self.text))
            .map_err(|error| invalid("it is too long").with_source(error))
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidSetting;

    /// # Errors
    ///
    /// For any other address: relative, with user information, query or fragment, or plain http to a host that
    /// is not loopback.
    fn from_str(text: &str) -> Result<Self, InvalidSetting> {
        if text.contains('#') {
            return Err(invalid("it has a fragment"));
        }
        let uri =
            Uri::try_from(text).map_err(|error| invalid("not a valid URL").with_source(error))?;
        if uri.query().is_some() {
            return Err(invalid("it has a query"));
        }
        let origin = Origin::try_from(&uri)
            .map_err(|error| invalid("not an allowed origin").with_source(error))?;
        let path = uri.path().trim_end_matches('/');
        Ok(Self {
            text: format!("{origin}{path}"),
            origin,
        })
    }
}

impl<'de> Deserialize<'de> for BaseUrl {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn invalid(why: &'static str) -> InvalidSetting {
    InvalidSetting::new(format!("base address: {why}"))
}
