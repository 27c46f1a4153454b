//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use enkash_auth_sandbox::{Accounts, Issuer, Issuing, Rejections, Rounding, Rules, Shape};

/// A server that behaves like EnKash's token server.
///
/// Answers POST /oauth/token (form) and POST /api/v0/merchant/token (JSON) with tokens, lets calls
/// of every other path in that carry one, and takes orders at /-/sandbox/.
#[derive(Debug, Parser)]
#[command(version, after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    pub(crate) listen: SocketAddr,

    /// Client that may ask for tokens
    #[arg(
        long,
        value_name = "ID",
        default_value = "client-id",
        help_heading = "Credentials"
    )]
    client_id: String,

    /// Its secret
    #[arg(
        long,
        value_name = "SECRET",
        default_value = "client-secret",
        help_heading = "Credentials"
    )]
    client_secret: String,

    /// User of the form dialect
    #[arg(
        long,
        value_name = "NAME",
        default_value = "user@example.com",
        help_heading = "Credentials"
    )]
    username: String,

    /// Its password
    #[arg(
        long,
        value_name = "PASSWORD",
        default_value = "password",
        help_heading = "Credentials"
    )]
    password: String,

    /// Access key of the JSON dialect
    #[arg(
        long,
        value_name = "KEY",
        default_value = "access-key",
        help_heading = "Credentials"
    )]
    access_key: String,

    /// Its secret key
    #[arg(
        long,
        value_name = "SECRET",
        default_value = "secret-key",
        help_heading = "Credentials"
    )]
    secret_key: String,

    /// Requires this API-Key header on token requests
    #[arg(long, value_name = "KEY", help_heading = "Credentials")]
    api_key: Option<String>,

    /// Requires this clientId in the form
    #[arg(long, value_name = "ID", help_heading = "Credentials")]
    company_id: Option<String>,

    /// Lifetime of a token, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds, help_heading = "Rules")]
    lifetime: Duration,

    /// What a grant does while an earlier token is still valid
    #[arg(long, value_enum, default_value_t, help_heading = "Rules")]
    issuing: Issuing,

    /// Fields of a granted token
    #[arg(long, value_enum, default_value_t, help_heading = "Rules")]
    shape: Shape,

    /// Wraps answers as {response_code, response_message, payload, errorResponse}
    #[arg(long, help_heading = "Rules")]
    envelope: bool,

    /// How the seconds left become a whole number
    #[arg(long, value_enum, default_value_t, help_heading = "Rules")]
    rounding: Rounding,

    /// resultCode of a success in shape A
    #[arg(
        long,
        value_name = "CODE",
        default_value_t = 200,
        help_heading = "Rules"
    )]
    result_code: i64,

    /// How a refusal travels
    #[arg(long, value_enum, default_value_t, help_heading = "Rules")]
    rejections: Rejections,

    /// Refusals in a row that lock an account; 0 for never
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Rules")]
    lock_after: u32,

    /// How long the answer to a token request takes, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds, help_heading = "Rules")]
    delay: Duration,
}

impl Args {
    /// The issuer that the command line describes.
    pub(crate) fn issuer(&self) -> Issuer {
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
        Issuer::builder()
            .accounts(accounts)
            .rules(self.rules())
            .build()
    }

    fn rules(&self) -> Rules {
        Rules::new()
            .lifetime(self.lifetime)
            .issuing(self.issuing)
            .shape(self.shape)
            .envelope(self.envelope)
            .rounding(self.rounding)
            .result_code(self.result_code)
            .rejections(self.rejections)
            .lock_after(Some(self.lock_after).filter(|&strikes| strikes > 0))
            .delay(self.delay)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

const EXAMPLES: &str = "\
Try it:
  enkash-sandbox --lifetime 30
  curl -s -u client-id:client-secret http://127.0.0.1:8788/oauth/token \\
    -d grant_type=password -d username=user@example.com -d password=password
  curl -s http://127.0.0.1:8788/api/v0/anything -H 'Authorization: Bearer TOKEN'

Orders, while it runs:
  GET    /-/sandbox/status    everything: counters, rules, accounts, clock
  GET    /-/sandbox/counters  DELETE starts them from zero
  PATCH  /-/sandbox/rules     {\"lifetime\": 5, \"shape\": \"a\"}: as the options above
  PUT    /-/sandbox/outage    token requests get 503; DELETE ends it
  POST   /-/sandbox/revoke    ends all tokens
  POST   /-/sandbox/unlock    unlocks all accounts";
