use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::address::parsed;
use crate::{BaseUrl, Credentials, InvalidSetting};

/// Names one of EnKash's installations.
///
/// # Examples
///
/// ```
/// use enkash_auth_core::{Credentials, Environment};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let base = Environment::Live.base_url(&keys)?;
/// assert_eq!(base.as_str(), "https://olympus-pg.enkash.in");
///
/// let sandbox = Environment::custom("http://127.0.0.1:4010")?;
/// assert_eq!(sandbox.base_url(&keys)?.as_str(), "http://127.0.0.1:4010");
/// # Ok::<(), enkash_auth_core::InvalidSetting>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Environment {
    /// The test installation (UAT).
    Test,
    /// The test installation for cards.
    TestCards,
    /// Real money.
    Live,
    /// Real money, on cards.
    LiveCards,
    /// Any other address, such as a sandbox or a gateway.
    Custom(BaseUrl),
}

impl Environment {
    /// Creates an installation at `base`.
    ///
    /// # Errors
    ///
    /// If `base` is not a [`BaseUrl`].
    pub fn custom(base: &str) -> Result<Self, InvalidSetting> {
        base.parse().map(Self::Custom)
    }

    /// Returns the base address for `credentials`: merchant keys have a separate server.
    ///
    /// # Errors
    ///
    /// None for what can be constructed today; the signature is that of [`BaseUrl`]'s parser.
    pub fn base_url(&self, credentials: &Credentials) -> Result<BaseUrl, InvalidSetting> {
        self.base_url_for(credentials.is_merchant())
    }

    /// Returns the base address for credentials that are merchant keys, or are not.
    ///
    /// # Errors
    ///
    /// As for [`base_url`](Self::base_url).
    pub fn base_url_for(&self, merchant_keys: bool) -> Result<BaseUrl, InvalidSetting> {
        match self {
            Self::Custom(base) => return Ok(base.clone()),
            Self::Test | Self::TestCards if merchant_keys => "https://olympus-pg-uat.enkash.in",
            Self::Live | Self::LiveCards if merchant_keys => "https://olympus-pg.enkash.in",
            Self::Test => "https://ekpayout-uat.enkash.in",
            Self::TestCards => "https://pay-uat.enkash.in",
            Self::Live => "https://api.enkash.in",
            Self::LiveCards => "https://pay.enkash.in",
        }
        .parse()
    }
}

/// Parses the name of a documented installation: `test`, `test-cards`, `live` or `live-cards`.
///
/// # Errors
///
/// For any other text, which is not repeated: it may be a secret in the wrong place. An address is read by
/// [`Environment::custom`].
impl FromStr for Environment {
    type Err = InvalidSetting;

    fn from_str(name: &str) -> Result<Self, InvalidSetting> {
        match name {
            "test" => Ok(Self::Test),
            "test-cards" => Ok(Self::TestCards),
            "live" => Ok(Self::Live),
            "live-cards" => Ok(Self::LiveCards),
            _ => {
                let detail = "none of test, test-cards, live and live-cards";
                Err(InvalidSetting::new(detail))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Environment {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        parsed(from)
    }
}

impl From<BaseUrl> for Environment {
    fn from(base: BaseUrl) -> Self {
        Self::Custom(base)
    }
}
