//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use enkash_auth_sandbox::{
    Accounts, Issuer, Issuing, Refresh, Rejections, Rounding, Rules, Sandbox, SandboxBuilder,
    Shape, Stated, Tls,
};
use http::StatusCode;

/// A server that behaves like EnKash's token server
#[derive(Debug, Parser)]
#[command(name = "enkash-sandbox", version, long_about = ABOUT, after_long_help = MORE)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one. Every client that reaches it can control it
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,

    /// Serves TLS, with a certificate made at the start for localhost and the address
    #[arg(long)]
    tls: bool,

    /// Adds a name to the certificate; may be repeated
    #[arg(long, value_name = "NAME", requires = "tls")]
    tls_name: Vec<String>,

    /// Writes the CA certificate for clients to trust to this file, as PEM
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub(crate) ca_file: Option<PathBuf>,

    #[command(flatten)]
    credentials: CredentialArgs,

    #[command(flatten)]
    rules: RuleArgs,
}

impl Args {
    /// Builds the sandbox that the command line describes.
    pub(crate) fn sandbox(&self) -> SandboxBuilder {
        let issuer = Issuer::builder()
            .accounts(self.credentials.accounts())
            .rules(self.rules.rules())
            .build();
        // A float too large for an integer becomes the largest; the clock has its own bounds.
        let offset_ms = (self.rules.clock_offset * 1000.0) as i64;
        issuer.clock().set_offset_ms(offset_ms);
        let sandbox = Sandbox::builder().issuer(issuer).listen(self.listen);
        if !self.tls {
            return sandbox;
        }
        sandbox.tls(self.tls_name.iter().fold(Tls::new(), Tls::name))
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Credentials")]
struct CredentialArgs {
    /// Client that may request tokens, by HTTP Basic
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

    /// Requires this partnerId header on API calls, as cards, rewards and gifts do
    #[arg(long, value_name = "ID")]
    partner_id: Option<String>,
}

impl CredentialArgs {
    fn accounts(&self) -> Accounts {
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
        if let Some(id) = &self.partner_id {
            accounts = accounts.partner_id(id);
        }
        accounts
    }
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Rules (each can be changed while it runs)")]
struct RuleArgs {
    /// Lifetime of a token
    #[arg(long, value_name = "SECONDS", default_value = "86400", value_parser = seconds)]
    lifetime: Duration,

    /// What a grant does while an earlier token is still valid
    #[arg(long, value_enum, default_value_t)]
    issuing: Issuing,

    /// How refresh tokens are handled
    #[arg(long, value_enum, default_value_t)]
    refresh: Refresh,

    /// Lifetime of a refresh token
    #[arg(long, value_name = "SECONDS", default_value = "2592000", value_parser = seconds)]
    refresh_lifetime: Duration,

    /// Fields of a granted token
    #[arg(long, value_enum, default_value_t)]
    shape: Shape,

    /// Wraps responses as {response_code, response_message, payload, errorResponse}
    #[arg(long)]
    envelope: bool,

    /// How the remaining seconds are rounded
    #[arg(long, value_enum, default_value_t)]
    rounding: Rounding,

    /// What the lifetime field states: the truth, or a mistake
    #[arg(long, value_enum, default_value_t)]
    stated: Stated,

    /// resultCode of a success in shape A
    #[arg(long, value_name = "CODE", default_value_t = 200)]
    result_code: i64,

    /// How a rejection is sent
    #[arg(long, value_enum, default_value_t)]
    rejections: Rejections,

    /// Consecutive rejections that lock an account; 0 for never
    #[arg(long, value_name = "N", default_value_t = 3)]
    lock_after: u32,

    /// Delay of the response to a token request
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    delay: Duration,

    /// Omits the Date header
    #[arg(long)]
    no_date: bool,

    /// Plays the Payment Gateway's API, which rejects a token by a JSON body with this status
    #[arg(long, value_name = "STATUS")]
    payment_gateway: Option<StatusCode>,

    /// Age at which the API begins to accept a token
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    accepted_after: Duration,

    /// How far ahead the server's clock is; behind, if negative
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    clock_offset: f64,
}

impl RuleArgs {
    fn rules(&self) -> Rules {
        Rules::new()
            .lifetime(self.lifetime)
            .issuing(self.issuing)
            .refresh(self.refresh)
            .refresh_lifetime(self.refresh_lifetime)
            .shape(self.shape)
            .envelope(self.envelope)
            .rounding(self.rounding)
            .stated(self.stated)
            .result_code(self.result_code)
            .rejections(self.rejections)
            .lock_after(self.lock_after)
            .delay(self.delay)
            .date_header(!self.no_date)
            .payment_gateway(self.payment_gateway)
            .accepted_after(self.accepted_after)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())
}

const ABOUT: &str = "\
A server that behaves like EnKash's token server, for tests and for people without credentials.

It grants tokens at POST /oauth/token (form and HTTP Basic) and POST /api/v0/merchant/token (JSON).
Every other path is an API call: with a valid token it returns a report of what arrived, without one
401; /api/v0/own-401 rejects every token. Below /-/sandbox/ it takes orders, from anyone: do not show
it to the world.

When it accepts, it prints `listening on http://ADDR`. Ctrl-C or SIGTERM ends it.";

const MORE: &str = r#"A first token, and a call with it:
  enkash-sandbox --lifetime 30
  curl -s -u client-id:client-secret http://127.0.0.1:8788/oauth/token \
    -d grant_type=password -d username=user@example.com -d password=password
  curl -s http://127.0.0.1:8788/api/v0/anything -H 'Authorization: Bearer TOKEN'

Orders, while it runs:
  GET    /-/sandbox/status    counters, rules, accounts, faults, clock
  GET    /-/sandbox/counters  the counters; DELETE starts them from zero
  PATCH  /-/sandbox/rules     {"lifetime": 5, "shape": "a"}: named as the options, with _ for -
  POST   /-/sandbox/faults    {"at": "token", "fault": "hang", "times": 2}; DELETE cancels all
  PUT    /-/sandbox/clock     {"offset": -3600}: an hour behind; {"advance": 60} moves it on
  PUT    /-/sandbox/outage    token requests get 503; DELETE ends it
  POST   /-/sandbox/revoke    ends all tokens
  POST   /-/sandbox/unlock    unlocks all accounts

Faults, at "token" or at "api", for some "times" (default 1) or "lasting" some seconds:
  after the request was carried out (a wrong password counts):
    {"delay": {"by": 2.5}}  "close-after-reading"  "half-response"  "hang"
    {"carried-out": {"status": 502}}
  instead:
    "close-before-reading"  {"page": {"status": 503}}  "server-error"  "forbidden"
    {"too-many-requests": {"retry_after": 2}}  "garbage"  "empty"  "huge"  {"redirect": {}}
    "other-json"  {"response": {"status": 418, "headers": {}, "body": "anything"}}

Two failures, then well:
  curl -s http://127.0.0.1:8788/-/sandbox/faults \
    -d '{"at": "token", "fault": "server-error", "times": 2}'"#;
