use std::{env, ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

use enkash_auth_core::{Client, Credentials, Environment, InvalidSetting, User};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    ConfigError,
    error::Problem,
    lookup::{self, variable},
    read::{duration, duration_or_never, flag, number, on_store_down, scheme, text},
    secret::Secret,
};
use crate::call_headers::{CallHeaders, Scheme};
#[cfg(all(unix, feature = "file"))]
use crate::store::FileStore;
use crate::{
    RefreshPolicy,
    store::{OnStoreDown, Store},
};

/// Holds the settings of a token cache, from a configuration file in any format that serde has, or from
/// the environment.
///
/// | key | what it is |
/// |---|---|
/// | `base_url` | the address of the token server |
/// | `environment` | `test`, `test-cards`, `live` or `live-cards`: the documented address, if no base URL is set |
/// | `client_id`, `client_secret` | the client of a password grant |
/// | `username`, `password` | its user |
/// | `company_id` | optional, beside a password |
/// | `access_key`, `secret_key` | merchant keys, in place of client and user |
/// | `api_key` | optional, beside either |
/// | `client_secret_file`, `password_file`, `access_key_file`, `secret_key_file`, `api_key_file` | a file that holds it, in place of the value; read again once the server rejects it |
/// | `partner_id` | optional: the header `partnerId` of each call |
/// | `scheme` | `bearer`, or `none` for calls that carry the token alone |
/// | `token_store` | where tokens are stored: see [`store`](Config::store); a program may offer more |
/// | `on_store_down` | `known-good`, `hold` or `attempt`: see [`OnStoreDown`] |
/// | `keep_warm`, `attempts`, `max_waiters` | see [`RefreshPolicy`] |
/// | `refresh_window_max`, `expiry_margin_max`, `fetch_timeout`, `backoff_max`, `retry_after_max`, `wait_timeout` | the same, such as `1500ms` or `2m 30s` |
/// | `retry_unresolved_after` | the same, or `never`, which is the default: a duration is a chosen exception to the guarantee |
///
/// An unknown key is an error. A blank value is none. No error of these settings shows a value; but that
/// of a file's format may quote a line of the file, as `toml` does in `Display` and not in `message()`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use enkash_auth_tower::Config;
///
/// let config: Config = serde_json::from_str(r#"{
///     "environment": "test",
///     "access_key": "access-key",
///     "secret_key_file": "/run/secrets/enkash",
///     "fetch_timeout": "5s"
/// }"#)?;
/// assert_eq!(config.policy()?.fetch_timeout, Duration::from_secs(5));
///
/// let config = Config::from_lookup(|name| match name {
///     "ENKASH_ENVIRONMENT" => Some("test".into()),
///     "ENKASH_ACCESS_KEY" => Some("access-key".into()),
///     _ => None,
/// })?;
/// let error = config.credentials().unwrap_err();
/// assert_eq!(error.to_string(), "ENKASH_SECRET_KEY: not set");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    #[serde(deserialize_with = "text")]
    base_url: Option<String>,
    #[serde(deserialize_with = "text")]
    environment: Option<String>,
    #[serde(deserialize_with = "text")]
    client_id: Option<String>,
    #[serde(deserialize_with = "text")]
    client_secret: Option<SecretString>,
    #[serde(deserialize_with = "text")]
    client_secret_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    username: Option<String>,
    #[serde(deserialize_with = "text")]
    password: Option<SecretString>,
    #[serde(deserialize_with = "text")]
    password_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    company_id: Option<String>,
    #[serde(deserialize_with = "text")]
    access_key: Option<SecretString>,
    #[serde(deserialize_with = "text")]
    access_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    secret_key: Option<SecretString>,
    #[serde(deserialize_with = "text")]
    secret_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    api_key: Option<SecretString>,
    #[serde(deserialize_with = "text")]
    api_key_file: Option<PathBuf>,
    #[serde(deserialize_with = "text")]
    partner_id: Option<String>,
    #[serde(deserialize_with = "scheme")]
    scheme: Option<Scheme>,
    #[serde(deserialize_with = "text")]
    token_store: Option<SecretString>,
    #[serde(deserialize_with = "on_store_down")]
    on_store_down: Option<OnStoreDown>,
    #[serde(deserialize_with = "flag")]
    keep_warm: Option<bool>,
    #[serde(deserialize_with = "number")]
    attempts: Option<u32>,
    #[serde(deserialize_with = "number")]
    max_waiters: Option<u32>,
    #[serde(deserialize_with = "duration")]
    refresh_window_max: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    expiry_margin_max: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    fetch_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    backoff_max: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    retry_after_max: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    wait_timeout: Option<Duration>,
    #[serde(deserialize_with = "duration_or_never")]
    retry_unresolved_after: Option<Option<Duration>>,
    /// Whether its keys are those of an environment.
    #[serde(skip)]
    is_environment: bool,
}

impl Config {
    /// Reads the settings from the environment of the process: the keys are in capitals, with `ENKASH_` before
    /// them. A blank variable is unset.
    ///
    /// # Errors
    ///
    /// If a variable is not UTF-8 or not valid; the text names it.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| env::var_os(name))
    }

    /// Reads the settings from the variables that `lookup` finds.
    ///
    /// # Errors
    ///
    /// As for [`from_env`](Self::from_env).
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let mut config = lookup::read(lookup)?;
        config.is_environment = true;
        Ok(config)
    }

    /// Returns the token server.
    ///
    /// # Errors
    ///
    /// If that is not set or cannot be used; the text names the key.
    pub fn environment(&self) -> Result<Environment, ConfigError> {
        if let Some(base) = present(self.base_url.as_deref()) {
            return Environment::custom(base)
                .map_err(|error| self.error("base_url", Problem::NoAddress(error)));
        }
        match present(self.environment.as_deref()) {
            Some(name) => name.parse().map_err(|error: InvalidSetting| {
                self.error("environment", Problem::Unusable(error.to_string()))
            }),
            None => Err(self.error("base_url", Problem::NeitherSet(self.name("environment")))),
        }
    }

    /// Returns the default policy, but for what is set.
    ///
    /// # Errors
    ///
    /// If `fetch_timeout`, `attempts`, `wait_timeout` or `max_waiters` is zero; the text names the
    /// key.
    pub fn policy(&self) -> Result<RefreshPolicy, ConfigError> {
        self.policy_over(RefreshPolicy::default())
    }

    /// Returns `policy`, but for what is set.
    ///
    /// # Errors
    ///
    /// As for [`policy`](Self::policy).
    pub fn policy_over(&self, mut policy: RefreshPolicy) -> Result<RefreshPolicy, ConfigError> {
        fn set<T>(to: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *to = value;
            }
        }
        set(&mut policy.keep_warm, self.keep_warm);
        set(&mut policy.attempts, self.attempts);
        set(
            &mut policy.max_waiters,
            self.max_waiters.and_then(|max| max.try_into().ok()),
        );
        set(&mut policy.refresh_window_max, self.refresh_window_max);
        set(&mut policy.expiry_margin_max, self.expiry_margin_max);
        set(&mut policy.fetch_timeout, self.fetch_timeout);
        set(&mut policy.backoff_max, self.backoff_max);
        set(&mut policy.retry_after_max, self.retry_after_max);
        set(&mut policy.wait_timeout, self.wait_timeout);
        set(
            &mut policy.retry_unresolved_after,
            self.retry_unresolved_after,
        );
        match policy.zero_setting() {
            Some(key) => Err(self.error(key, Problem::Unusable("must not be zero".into()))),
            None => Ok(policy),
        }
    }

    /// Returns what to do while the store cannot be used.
    pub fn on_store_down(&self) -> OnStoreDown {
        self.on_store_down.unwrap_or_default()
    }

    /// Returns the headers that each call carries.
    pub(crate) fn call_headers(&self) -> Result<CallHeaders, ConfigError> {
        let mut headers = CallHeaders::default();
        headers.set_scheme(self.scheme.unwrap_or_default());
        if let Some(id) = present(self.partner_id.as_deref()) {
            let why = "cannot be sent in a header";
            let error = |_| self.error("partner_id", Problem::Unusable(why.to_owned()));
            headers.set_partner_id(id).map_err(error)?;
        }
        Ok(headers)
    }

    /// Returns the store that is named, if one is. It may hold a password.
    pub fn token_store(&self) -> Option<&str> {
        present(self.token_store.as_ref().map(ExposeSecret::expose_secret))
    }

    /// Opens the store that is named, `file:` and an absolute path; `None` for `memory`, or if none is named.
    ///
    /// # Errors
    ///
    /// If the directory cannot be used, and for any other store, which a program opens by itself. The text names
    /// the key.
    pub fn store(&self) -> Result<Option<Arc<dyn Store>>, ConfigError> {
        let unusable = |why: String| self.error("token_store", Problem::Unusable(why));
        match self
            .token_store()
            .map(|store| store.split_once(':').unwrap_or((store, "")))
        {
            None | Some(("memory", "")) => Ok(None),
            #[cfg(all(unix, feature = "file"))]
            Some(("file", directory)) if directory.starts_with('/') => {
                let store = FileStore::open(directory);
                let store = store.map_err(|error| unusable(error.to_string()))?;
                Ok(Some(Arc::new(store)))
            }
            Some(_) => Err(unusable(
                "neither memory nor file: and an absolute path".to_owned(),
            )),
        }
    }

    /// Returns the credentials. Reads the files that are named; call it again when they may have changed.
    ///
    /// # Errors
    ///
    /// If something is not set, contradicts something else or cannot be used; the text names the
    /// key.
    pub fn credentials(&self) -> Result<Credentials, ConfigError> {
        let password = [
            present(self.client_id.as_deref()).map(|_| "client_id"),
            self.client_secret().set(),
            present(self.username.as_deref()).map(|_| "username"),
            self.password().set(),
            present(self.company_id.as_deref()).map(|_| "company_id"),
        ];
        let keys = [self.access_key().set(), self.secret_key().set()];
        let first = |of: &[Option<&'static str>]| of.iter().flatten().copied().next();
        let credentials = match (first(&password), first(&keys)) {
            (Some(one), Some(other)) => {
                return Err(self.error(other, Problem::Contradicts(self.name(one))));
            }
            (None, None) => {
                let problem = Problem::NeitherSet(self.name("access_key"));
                return Err(self.error("client_id", problem));
            }
            (Some(_), None) => self.password_grant()?,
            (None, Some(_)) => Credentials::merchant(
                self.access_key().required(self)?.as_str(),
                self.secret_key().required(self)?.as_str(),
            ),
        };
        Ok(match self.api_key().read(self)? {
            None => credentials,
            Some(key) if HeaderValue::from_str(&key).is_err() => {
                let why = "cannot be sent in a header";
                return Err(self.api_key().unusable(why, self));
            }
            Some(key) => credentials.api_key(key.as_str()),
        })
    }

    /// Returns whether a secret comes from a file, and so may change.
    pub fn has_secret_files(&self) -> bool {
        [
            self.client_secret(),
            self.password(),
            self.access_key(),
            self.secret_key(),
            self.api_key(),
        ]
        .iter()
        .any(Secret::is_file)
    }

    fn password_grant(&self) -> Result<Credentials, ConfigError> {
        let id = self.required("client_id", self.client_id.as_deref())?;
        if id.contains(':') {
            return Err(self.error(
                "client_id",
                Problem::Unusable("must not contain a colon".to_owned()),
            ));
        }
        let secret = self.client_secret().required(self)?;
        let user = self.required("username", self.username.as_deref())?;
        let credentials = Credentials::password(
            Client::new(id, secret.as_str()),
            User::new(user, self.password().required(self)?.as_str()),
        );
        Ok(match present(self.company_id.as_deref()) {
            Some(id) => credentials.company_id(id),
            None => credentials,
        })
    }

    fn required<'a>(
        &self,
        key: &'static str,
        value: Option<&'a str>,
    ) -> Result<&'a str, ConfigError> {
        present(value).ok_or_else(|| self.error(key, Problem::NotSet))
    }

    fn client_secret(&self) -> Secret<'_> {
        Secret::new(
            ["client_secret", "client_secret_file"],
            self.client_secret.as_ref(),
            self.client_secret_file.as_deref(),
        )
    }

    fn password(&self) -> Secret<'_> {
        Secret::new(
            ["password", "password_file"],
            self.password.as_ref(),
            self.password_file.as_deref(),
        )
    }

    fn access_key(&self) -> Secret<'_> {
        Secret::new(
            ["access_key", "access_key_file"],
            self.access_key.as_ref(),
            self.access_key_file.as_deref(),
        )
    }

    fn secret_key(&self) -> Secret<'_> {
        Secret::new(
            ["secret_key", "secret_key_file"],
            self.secret_key.as_ref(),
            self.secret_key_file.as_deref(),
        )
    }

    fn api_key(&self) -> Secret<'_> {
        Secret::new(
            ["api_key", "api_key_file"],
            self.api_key.as_ref(),
            self.api_key_file.as_deref(),
        )
    }

    pub(super) fn error(&self, key: &'static str, problem: Problem) -> ConfigError {
        ConfigError::new(self.name(key), problem)
    }

    /// Returns `key` in the form of its source.
    pub(super) fn name(&self, key: &str) -> String {
        if self.is_environment {
            return variable(key);
        }
        key.to_owned()
    }
}

/// Shows names and numbers. A path or an address may be a secret that was put into the wrong variable.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("environment", &self.environment().ok())
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("company_id", &self.company_id)
            .field("policy", &self.policy().ok())
            .field("on_store_down", &self.on_store_down())
            .finish_non_exhaustive()
    }
}

/// Returns the value unless it is blank.
pub fn present(value: Option<&str>) -> Option<&str> {
    value.filter(|value| !value.trim().is_empty())
}
