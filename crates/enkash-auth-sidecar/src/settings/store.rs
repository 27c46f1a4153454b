use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::SettingError;

pub(super) const TOKEN_STORE: &str = "ENKASH_TOKEN_STORE";

/// Where the token and the record of attempts are stored.
///
/// # Examples
///
/// ```
/// use enkash_auth_sidecar::StoreSetting;
///
/// let read = |value: Option<&str>| StoreSetting::read(value, |name| match name {
///     "HOME" => Some("/home/payouts".into()),
///     _ => None,
/// });
/// assert_eq!(read(Some("file:/var/lib/tokens"))?, StoreSetting::File("/var/lib/tokens".into()));
/// let usual = "/home/payouts/.local/state/enkash-auth";
/// assert_eq!(read(None)?, StoreSetting::Usual(Some(usual.into())));
/// # Ok::<(), enkash_auth_sidecar::SettingError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a program must see all of it")]
pub enum StoreSetting {
    /// In the memory of the process.
    Memory,
    /// In this directory.
    File(PathBuf),
    /// On this server, shared by a fleet.
    Redis(RedisAddress),
    /// By default: in the user's state directory, if there is one.
    Usual(Option<PathBuf>),
}

/// The address of a Redis server. It may contain a password, which `Debug` does not show.
///
/// # Examples
///
/// ```
/// use enkash_auth_sidecar::StoreSetting;
///
/// let setting = StoreSetting::read(Some("redis://:hunter2@cache"), |_| None)?;
/// assert!(!format!("{setting:?}").contains("hunter2"));
/// let StoreSetting::Redis(address) = setting else { unreachable!() };
/// assert_eq!(address.expose(), "redis://:hunter2@cache");
/// # Ok::<(), enkash_auth_sidecar::SettingError>(())
/// ```
#[derive(Clone, Eq, PartialEq)]
pub struct RedisAddress(String);

impl RedisAddress {
    /// Returns the address, including its password.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisAddress(..)")
    }
}

impl StoreSetting {
    /// Reads the value of `ENKASH_TOKEN_STORE`; `path` looks up variables that hold paths.
    ///
    /// The user's state directory is `$XDG_STATE_HOME`, or `~/.local/state`; a relative path counts
    /// as none, as the XDG specification says.
    ///
    /// # Errors
    ///
    /// If it names no store.
    pub fn read(
        value: Option<&str>,
        path: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, SettingError> {
        let Some(value) = value else {
            let absolute = |name| path(name).filter(|path| path.is_absolute());
            let state = absolute("XDG_STATE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
            return Ok(Self::Usual(state.map(|state| state.join("enkash-auth"))));
        };
        match value.split_once(':') {
            None if value == "memory" => Ok(Self::Memory),
            Some(("file", directory)) if Path::new(directory).is_absolute() => {
                Ok(Self::File(directory.into()))
            }
            Some(("file", directory)) if !directory.trim().is_empty() => Err(SettingError::new(
                TOKEN_STORE,
                "file: requires an absolute path, such as file:/var/lib/enkash; ~ is not expanded",
            )),
            Some(("redis" | "rediss", address)) if address.starts_with("//") => {
                Ok(Self::Redis(RedisAddress(value.to_owned())))
            }
            _ => Err(SettingError::new(
                TOKEN_STORE,
                "not memory, file:DIR, redis:// or rediss://",
            )),
        }
    }
}
