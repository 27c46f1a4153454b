use std::{env, ffi::OsString, fmt, path::PathBuf, sync::Arc, time::Duration};

use enkash_auth_core::{Client, Credentials, Environment, InvalidSetting, User};
use http::{HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{
    ConfigError,
    error::Problem,
    lookup::{self, variable},
    read::Set,
    secret::Secret,
};
use crate::call_headers::{CallHeaders, Scheme};
#[cfg(all(unix, feature = "file"))]
use crate::store::FileStore;
use crate::{
    RefreshPolicy,
    store::{OnStoreDown, Store},
};

/// Pairs each secret with the file that may hold it.
macro_rules! secrets {
    ($($value:ident: $file:ident;)*) => {$(
        fn $value(&self) -> Secret<'_> {
            let keys = [stringify!($value), stringify!($file)];
            Secret::new(keys, self.$value.as_ref(), self.$file.as_deref())
        }
    )*};
}

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
/// | `call_headers` | optional: other headers of each call, such as `API-Key: key, mid: 5` |
/// | `omit_access_key` | `true` for calls without the header `merchantAccessKey`, which merchant keys add |
/// | `scheme` | `bearer`, or `none` for calls that carry the token alone |
/// | `token_store` | where tokens are stored: see [`store`](Config::store); a program may offer more |
/// | `store_timeout` | how long a call of the store may take, such as `2s` |
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
    base_url: Set<String>,
    environment: Set<String>,
    client_id: Set<String>,
    client_secret: Set<SecretString>,
    client_secret_file: Set<PathBuf>,
    username: Set<String>,
    password: Set<SecretString>,
    password_file: Set<PathBuf>,
    company_id: Set<String>,
    access_key: Set<SecretString>,
    access_key_file: Set<PathBuf>,
    secret_key: Set<SecretString>,
    secret_key_file: Set<PathBuf>,
    api_key: Set<SecretString>,
    api_key_file: Set<PathBuf>,
    partner_id: Set<String>,
    call_headers: Set<SecretString>,
    omit_access_key: Set<bool>,
    scheme: Set<Scheme>,
    token_store: Set<SecretString>,
    store_timeout: Set<Duration>,
    on_store_down: Set<OnStoreDown>,
    keep_warm: Set<bool>,
    attempts: Set<u32>,
    max_waiters: Set<u32>,
    refresh_window_max: Set<Duration>,
    expiry_margin_max: Set<Duration>,
    fetch_timeout: Set<Duration>,
    backoff_max: Set<Duration>,
    retry_after_max: Set<Duration>,
    wait_timeout: Set<Duration>,
    retry_unresolved_after: Set<Option<Duration>>,
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
        if let Some(base) = self.base_url.as_deref() {
            return Environment::custom(base)
                .map_err(|error| self.error("base_url", Problem::NoAddress(error)));
        }
        match self.environment.as_deref() {
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
        self.keep_warm.replace(&mut policy.keep_warm);
        self.attempts.replace(&mut policy.attempts);
        self.refresh_window_max
            .replace(&mut policy.refresh_window_max);
        self.expiry_margin_max
            .replace(&mut policy.expiry_margin_max);
        self.fetch_timeout.replace(&mut policy.fetch_timeout);
        self.backoff_max.replace(&mut policy.backoff_max);
        self.retry_after_max.replace(&mut policy.retry_after_max);
        self.wait_timeout.replace(&mut policy.wait_timeout);
        self.retry_unresolved_after
            .replace(&mut policy.retry_unresolved_after);
        if let Some(max) = self.max_waiters.and_then(|max| max.try_into().ok()) {
            policy.max_waiters = max;
        }
        match policy.zero_setting() {
            Some(key) => Err(self.error(key, Problem::Unusable("must not be zero".into()))),
            None => Ok(policy),
        }
    }

    /// Returns how long a call of the store may take, if that is set. [`store`](Self::store) opens none that it
    /// applies to.
    pub fn store_timeout(&self) -> Option<Duration> {
        *self.store_timeout
    }

    /// Returns what to do while the store cannot be used.
    pub fn on_store_down(&self) -> OnStoreDown {
        self.on_store_down.unwrap_or_default()
    }

    /// Returns the headers that each call carries.
    pub(crate) fn call_headers(&self) -> Result<CallHeaders, ConfigError> {
        let mut headers = CallHeaders::default();
        headers.set_scheme(self.scheme.unwrap_or_default());
        if let Some(id) = self.partner_id.as_deref() {
            let why = "cannot be sent in a header";
            let error = |_| self.error("partner_id", Problem::Unusable(why.to_owned()));
            headers.set_partner_id(id).map_err(error)?;
        }
        let others = self.call_headers.as_ref().map(ExposeSecret::expose_secret);
        for header in others.unwrap_or_default().split(',') {
            if header.trim().is_empty() {
                continue;
            }
            let (name, value) = call_header(header).ok_or_else(|| {
                let why = "not headers such as API-Key: key, mid: 5";
                self.error("call_headers", Problem::Unusable(why.to_owned()))
            })?;
            headers.set(name, value);
        }
        if self.omit_access_key.unwrap_or_default() {
            headers.omit_access_key();
        }
        Ok(headers)
    }

    /// Returns the store that is named, if one is. It may hold a password.
    pub fn token_store(&self) -> Option<&str> {
        self.token_store.as_ref().map(ExposeSecret::expose_secret)
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
                let mut store = store.map_err(|error| unusable(error.to_string()))?;
                if let Some(limit) = self.store_timeout() {
                    store = store.call_timeout(limit).map_err(|error| {
                        self.error("store_timeout", Problem::Unusable(error.to_string()))
                    })?;
                }
                Ok(Some(Arc::new(store)))
            }
            Some(_) => Err(unusable(
                "neither memory nor file: and an absolute path (~ is not expanded)".to_owned(),
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
            self.client_id.as_ref().map(|_| "client_id"),
            self.client_secret().set(),
            self.username.as_ref().map(|_| "username"),
            self.password().set(),
            self.company_id.as_ref().map(|_| "company_id"),
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
        Ok(match self.company_id.as_deref() {
            Some(id) => credentials.company_id(id),
            None => credentials,
        })
    }

    fn required<'a>(
        &self,
        key: &'static str,
        value: Option<&'a str>,
    ) -> Result<&'a str, ConfigError> {
        value.ok_or_else(|| self.error(key, Problem::NotSet))
    }

    secrets! {
        client_secret: client_secret_file;
        password: password_file;
        access_key: access_key_file;
        secret_key: secret_key_file;
        api_key: api_key_file;
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

/// Reads a header.
fn call_header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    let value = Some(value.trim()).filter(|value| !value.is_empty())?;
    Some((
        name.trim().parse().ok()?,
        HeaderValue::from_str(value).ok()?,
    ))
}

/// Shows names and numbers. A path or an address may be a secret that was put into the wrong variable.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("environment", &self.environment().ok())
            .field("client_id", &*self.client_id)
            .field("username", &*self.username)
            .field("company_id", &*self.company_id)
            .field("policy", &self.policy().ok())
            .field("on_store_down", &self.on_store_down())
            .finish_non_exhaustive()
    }
}
