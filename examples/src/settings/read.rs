use std::{ffi::OsString, path::PathBuf};

use enkash_auth_core::{Client, Credentials, Environment, User};
use http::HeaderValue;

use super::{SettingError, StoreSetting, error::Problem, store::TOKEN_STORE};

const BASE_URL: &str = "ENKASH_BASE_URL";
const ENVIRONMENT: &str = "ENKASH_ENVIRONMENT";
const CLIENT_ID: &str = "ENKASH_CLIENT_ID";
const CLIENT_SECRET: &str = "ENKASH_CLIENT_SECRET";
const USERNAME: &str = "ENKASH_USERNAME";
const PASSWORD: &str = "ENKASH_PASSWORD";
const COMPANY_ID: &str = "ENKASH_COMPANY_ID";
const API_KEY: &str = "ENKASH_API_KEY";
const ACCESS_KEY: &str = "ENKASH_ACCESS_KEY";
const SECRET_KEY: &str = "ENKASH_SECRET_KEY";

/// Whom to ask for tokens, and with what.
///
/// | variable | what it is |
/// |---|---|
/// | `ENKASH_BASE_URL` | the address of the token server |
/// | `ENKASH_ENVIRONMENT` | `test` or `live`: the documented address, where no base URL is set |
/// | `ENKASH_CLIENT_ID`, `ENKASH_CLIENT_SECRET` | the client of a password grant |
/// | `ENKASH_USERNAME`, `ENKASH_PASSWORD` | its user |
/// | `ENKASH_COMPANY_ID` | optional, beside a password |
/// | `ENKASH_ACCESS_KEY`, `ENKASH_SECRET_KEY` | merchant keys, in place of client and user |
/// | `ENKASH_API_KEY` | optional, beside either |
/// | `ENKASH_TOKEN_STORE` | `memory`, or `file:` and a directory; unset, the user's state directory |
///
/// A blank variable counts as unset.
///
/// # Examples
///
/// ```
/// use enkash_auth_examples::Settings;
///
/// let settings = Settings::read(|name| match name {
///     "ENKASH_ENVIRONMENT" => Some("test".into()),
///     "ENKASH_ACCESS_KEY" => Some("access-key".into()),
///     "ENKASH_SECRET_KEY" => Some("secret-key".into()),
///     _ => None,
/// })?;
/// let base = settings.environment().base_url(settings.credentials()).unwrap();
/// assert_eq!(base.as_str(), "https://olympus-pg-uat.enkash.in");
/// # Ok::<(), enkash_auth_examples::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    environment: Environment,
    credentials: Credentials,
    store: StoreSetting,
}

impl Settings {
    /// Reads the settings from `lookup`; in a program that is `std::env::var_os`.
    ///
    /// # Errors
    ///
    /// A variable is missing, contradicts another or cannot be used; the text names it.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self, SettingError> {
        let variables = Variables(lookup);
        Ok(Self {
            environment: variables.environment()?,
            credentials: variables.credentials()?,
            store: variables.store()?,
        })
    }

    /// Whom to ask.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// With what to ask.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Where the token is kept.
    pub fn store(&self) -> &StoreSetting {
        &self.store
    }
}

struct Variables<F>(F);

impl<F> Variables<F>
where
    F: Fn(&str) -> Option<OsString>,
{
    fn environment(&self) -> Result<Environment, SettingError> {
        if let Some(base) = self.get(BASE_URL)? {
            return Environment::custom(&base)
                .map_err(|error| SettingError::new(BASE_URL, Problem::BaseUrl(error)));
        }
        match self.get(ENVIRONMENT)?.as_deref() {
            Some("test") => Ok(Environment::Test),
            Some("live") => Ok(Environment::Live),
            Some(_) => Err(unusable(ENVIRONMENT, "neither test nor live")),
            None => Err(SettingError::new(
                BASE_URL,
                Problem::NeitherSet(ENVIRONMENT),
            )),
        }
    }

    fn credentials(&self) -> Result<Credentials, SettingError> {
        let password = [CLIENT_ID, CLIENT_SECRET, USERNAME, PASSWORD, COMPANY_ID];
        let credentials = match (
            self.first(&password)?,
            self.first(&[ACCESS_KEY, SECRET_KEY])?,
        ) {
            (Some(one), Some(other)) => {
                return Err(SettingError::new(other, Problem::Contradicts(one)));
            }
            (None, None) => {
                let problem = Problem::NeitherSet(ACCESS_KEY);
                return Err(SettingError::new(CLIENT_ID, problem));
            }
            (Some(_), None) => self.password()?,
            (None, Some(_)) => {
                Credentials::merchant(self.required(ACCESS_KEY)?, self.required(SECRET_KEY)?)
            }
        };
        match self.get(API_KEY)? {
            None => Ok(credentials),
            Some(key) if HeaderValue::from_str(&key).is_err() => {
                Err(unusable(API_KEY, "it cannot be sent in a header"))
            }
            Some(key) => Ok(credentials.api_key(key)),
        }
    }

    fn password(&self) -> Result<Credentials, SettingError> {
        let id = self.required(CLIENT_ID)?;
        if id.contains(':') {
            return Err(unusable(CLIENT_ID, "it has a colon"));
        }
        let credentials = Credentials::password(
            Client::new(id, self.required(CLIENT_SECRET)?),
            User::new(self.required(USERNAME)?, self.required(PASSWORD)?),
        );
        Ok(match self.get(COMPANY_ID)? {
            Some(id) => credentials.company_id(id),
            None => credentials,
        })
    }

    fn store(&self) -> Result<StoreSetting, SettingError> {
        let value = self.get(TOKEN_STORE)?;
        StoreSetting::read(value.as_deref(), |name| (self.0)(name).map(PathBuf::from))
    }

    /// The first of `names` that is set.
    fn first(&self, names: &[&'static str]) -> Result<Option<&'static str>, SettingError> {
        for name in names {
            if self.get(name)?.is_some() {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn required(&self, name: &'static str) -> Result<String, SettingError> {
        self.get(name)?
            .ok_or_else(|| SettingError::new(name, Problem::NotSet))
    }

    fn get(&self, name: &'static str) -> Result<Option<String>, SettingError> {
        match (self.0)(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) if value.trim().is_empty() => Ok(None),
            Some(Ok(value)) => Ok(Some(value)),
            Some(Err(_)) => Err(unusable(name, "it is not UTF-8")),
        }
    }
}

fn unusable(name: &'static str, why: &'static str) -> SettingError {
    SettingError::new(name, Problem::Unusable(why))
}
