//! The credentials to accept.

use clap::Args;
use enkash_auth_sandbox::Accounts;

#[derive(Debug, Args)]
#[command(next_help_heading = "Credentials")]
pub(crate) struct Credentials {
    /// Client that may ask for tokens, by HTTP Basic
    #[arg(long, value_name = "ID", default_value = "client-id")]
    client_id: String,

    /// Secret of the client
    #[arg(long, value_name = "SECRET", default_value = "client-secret")]
    client_secret: String,

    /// User of the form dialect
    #[arg(long, value_name = "NAME", default_value = "user@example.com")]
    username: String,

    /// Password of the user
    #[arg(long, value_name = "PASSWORD", default_value = "password")]
    password: String,

    /// Access key of the JSON dialect
    #[arg(long, value_name = "KEY", default_value = "access-key")]
    access_key: String,

    /// Secret key of the access key
    #[arg(long, value_name = "SECRET", default_value = "secret-key")]
    secret_key: String,

    /// Requires this API-Key header on token requests
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,

    /// Requires this clientId in the form
    #[arg(long, value_name = "ID")]
    company_id: Option<String>,
}

impl Credentials {
    pub(crate) fn accounts(&self) -> Accounts {
        let mut accounts = Accounts::none()
            .client(&self.client_id, &self.client_secret)
            .user(&self.username, &self.password)
            .merchant(&self.access_key, &self.secret_key);
        if let Some(key) = &self.api_key {
            accounts = accounts.api_key(key);
        }
        if let Some(id) = &self.company_id {
            accounts = accounts.company_id(id);
        }
        accounts
    }
}
