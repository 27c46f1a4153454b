use enkash_auth_core::{Client, Credentials, User};
use http::HeaderValue;

use super::{Config, ConfigError, error::Problem, secret::Secret, settings::present};

impl Config {
    /// With what to ask. Reads the files that are named; call it again when they may have changed.
    ///
    /// # Errors
    ///
    /// Where something is not set, contradicts something else or cannot be used; the text names the
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
                return Err(self.unusable(&self.api_key(), "it cannot be sent in a header"));
            }
            Some(key) => credentials.api_key(key.as_str()),
        })
    }

    /// Whether a secret comes from a file, and may so change.
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
            return Err(self.error("client_id", Problem::Unusable("it has a colon".to_owned())));
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

    fn unusable(&self, secret: &Secret<'_>, why: &str) -> ConfigError {
        let key = secret.set().unwrap_or(secret.key);
        self.error(key, Problem::Unusable(why.to_owned()))
    }

    fn client_secret(&self) -> Secret<'_> {
        Secret::new(
            ("client_secret", self.client_secret.as_ref()),
            ("client_secret_file", self.client_secret_file.as_deref()),
        )
    }

    fn password(&self) -> Secret<'_> {
        Secret::new(
            ("password", self.password.as_ref()),
            ("password_file", self.password_file.as_deref()),
        )
    }

    fn access_key(&self) -> Secret<'_> {
        Secret::new(
            ("access_key", self.access_key.as_ref()),
            ("access_key_file", self.access_key_file.as_deref()),
        )
    }

    fn secret_key(&self) -> Secret<'_> {
        Secret::new(
            ("secret_key", self.secret_key.as_ref()),
            ("secret_key_file", self.secret_key_file.as_deref()),
        )
    }

    fn api_key(&self) -> Secret<'_> {
        Secret::new(
            ("api_key", self.api_key.as_ref()),
            ("api_key_file", self.api_key_file.as_deref()),
        )
    }
}
