use std::{env, path::PathBuf};

use clap::{
    CommandFactory, FromArgMatches, Parser, Subcommand,
    builder::{BoolishValueParser, RangedU64ValueParser, Resettable},
};
use http::uri::Authority;

use crate::{
    address::Address, caller_key::CallerKey, calls::AccessLog, failure::Failure, timeouts::Timeouts,
};

/// Adds EnKash's bearer token to the calls of services in any language.
///
/// Forwards every request to the platform with a valid token. Serves GET /-/live, /-/ready, /-/status,
/// /-/metrics and a page at /-/ itself.
#[derive(Debug, Parser)]
#[command(name = "enkash-sidecar", version, after_long_help = VARIABLES)]
pub(crate) struct Args {
    /// Address to listen on, or unix:PATH; port 0 picks a free one
    #[arg(
        long,
        env = "ENKASH_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8787"
    )]
    pub(crate) listen: Address,

    /// Second address, which serves what is below /-/ in place of the first, and forwards nothing
    #[arg(long, env = "ENKASH_ADMIN", value_name = "ADDR")]
    pub(crate) admin: Option<Address>,

    /// Octal permissions of Unix sockets
    #[arg(long, env = "ENKASH_SOCKET_MODE", value_name = "MODE", default_value = "600", value_parser = octal)]
    pub(crate) socket_mode: u32,

    /// Upstream for requests: scheme, host and port [default: those of the token server]
    #[arg(long, env = "ENKASH_UPSTREAM", value_name = "URL")]
    pub(crate) upstream: Option<String>,

    /// Name that requests may have in Host, beside those of the listeners; with a port, or for any
    #[arg(long = "allow-host", env = "ENKASH_ALLOW_HOST", value_name = "NAME", value_delimiter = ',', value_parser = host)]
    pub(crate) allowed_hosts: Vec<String>,

    /// File with a key that callers send as x-enkash-caller-key; required if others can reach --listen
    #[arg(long, env = "ENKASH_CALLER_KEY_FILE", value_name = "FILE")]
    pub(crate) caller_key_file: Option<PathBuf>,

    /// Requires no key: every client that can reach --listen can spend money
    #[arg(long, env = "ENKASH_NO_CALLER_KEY", conflicts_with = "caller_key_file", value_parser = BoolishValueParser::new())]
    pub(crate) no_caller_key: bool,

    /// Limit of connections, and so of calls in flight, if the limit of open files allows it. Beyond it,
    /// the longest-idle connection is closed; if none is idle, a new one waits for 1 s, then gets 503
    #[arg(long, env = "ENKASH_MAX_CONNECTIONS", value_name = "N", default_value = "1024",
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub(crate) max_connections: usize,

    /// Limit of idle connections to the upstream [default: that of connections]
    #[arg(long, env = "ENKASH_POOL_SIZE", value_name = "N")]
    pub(crate) pool_size: Option<usize>,

    /// Directory with a file of credentials, as NAME=VALUE lines, for each account that callers name in
    /// x-enkash-account
    #[arg(long, env = "ENKASH_ACCOUNTS", value_name = "DIR")]
    pub(crate) accounts: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) timeouts: Timeouts,

    /// Where to write a line of JSON for each call; a slow reader slows calls
    #[arg(
        long,
        env = "ENKASH_ACCESS_LOG",
        value_name = "WHERE",
        default_value = "off"
    )]
    pub(crate) access_log: AccessLog,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Args {
    /// Parses the arguments and variables of this process. A blank variable is unset.
    pub(crate) fn read() -> Self {
        let command = Self::command().mut_args(|arg| {
            let value = arg.get_env().and_then(env::var_os);
            match value.is_some_and(|value| value.to_string_lossy().trim().is_empty()) {
                true => arg.env(Resettable::Reset),
                false => arg,
            }
        });
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }

    pub(crate) fn caller_key(&self) -> Result<Option<CallerKey>, Failure> {
        let key = self.caller_key_file.as_deref().map(CallerKey::read);
        key.transpose()
            .map_err(|error| Failure::setting("ENKASH_CALLER_KEY_FILE", error))
    }
}

fn octal(mode: &str) -> Result<u32, &'static str> {
    let mode = u32::from_str_radix(mode, 8).ok();
    mode.filter(|mode| *mode <= 0o777)
        .ok_or("not octal permissions such as 660")
}

fn host(name: &str) -> Result<String, &'static str> {
    let authority: Option<Authority> = name.trim().parse().ok();
    let host = authority.filter(|authority| !authority.as_str().contains(['@', '*']));
    host.map(|host| host.as_str().to_owned())
        .ok_or("not a name or address, with or without a port")
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Describes a store on Redis, requests a token, prints the outcome and what to do about it, and exits
    #[command(after_help = CODES)]
    Check {
        /// Account of --accounts
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Validates only the settings and sends nothing
        #[arg(long)]
        offline: bool,
    },
    /// Lists the accounts of --accounts that have failed attempts, or none that can be loaded
    Accounts,
    /// Shows the recorded failed attempts of the account, asks for confirmation, and clears them
    Reset(Reset),
    /// Requests /-/ready from a running sidecar, at --admin or else at --listen, and exits with 0 or 1
    Probe {
        /// Requests /-/live instead, which needs no token
        #[arg(long)]
        live: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct Reset {
    /// Account of --accounts; without it, all whose attempts are unresolved, and none rejected
    #[arg(long, value_name = "NAME")]
    pub(crate) account: Option<String>,
    /// Skips the confirmation
    #[arg(long)]
    pub(crate) yes: bool,
    /// Also allows credentials again that the server has rejected
    #[arg(long)]
    pub(crate) allow_rejected: bool,
}

const VARIABLES: &str = "\
Further settings are environment variables; a blank one is unset:
  ENKASH_BASE_URL                          the token server, or
  ENKASH_ENVIRONMENT                       test, test-cards, live or live-cards: the documented one
  ENKASH_CLIENT_ID, ENKASH_CLIENT_SECRET,
  ENKASH_USERNAME, ENKASH_PASSWORD         a password grant,
  ENKASH_COMPANY_ID                        optional, or
  ENKASH_ACCESS_KEY, ENKASH_SECRET_KEY     merchant keys
  ENKASH_API_KEY                           optional
  …_FILE                                   a file with the secret or key, in place of the
                                           variable; read again when the server rejects it
  ENKASH_TOKEN_STORE                       memory, file:DIR, or for a fleet
                                           redis://USER:PASSWORD@HOST:PORT/DB or rediss://…, also
                                           redis-sentinel://HOST,HOST/DB?master=NAME,
                                           redis-cluster://HOST,HOST or redis+unix:///SOCKET; stores
                                           the token and the failed attempts
                                           [default: the user's state directory,
                                           $XDG_STATE_HOME/enkash-auth or
                                           ~/.local/state/enkash-auth]
  ENKASH_TOKEN_STORE_FILE                  a file with it, in place of the variable
  ENKASH_STORE_TIMEOUT                     how long a call of the store may take, at most 5s
                                           [default: 500ms]
  ENKASH_REDIS_USERNAME_FILE,
  ENKASH_REDIS_PASSWORD_FILE               in place of those in the address; read for each connection
  ENKASH_REDIS_CERTIFICATE_FILE,
  ENKASH_REDIS_KEY_FILE                    the certificate that is shown to Redis, in PEM
  ENKASH_ON_STORE_DOWN                     known-good, hold or attempt: what is sent while the store
                                           is down [default: known-good]
  ENKASH_FETCH_TIMEOUT, ENKASH_KEEP_WARM … the refresh policy: the keys of enkash-auth-tower's Config
  HTTPS_PROXY, ALL_PROXY                   the proxy, http:// or https://; the name in either case;
                                           not used for loopback
  NO_PROXY                                 hosts to reach without it, separated by commas
  ENKASH_CA_FILE                           certificates to trust beside the Mozilla roots, in PEM
  RUST_LOG                                 log filter for standard error [default: info]

Try it:
  curl -s http://127.0.0.1:8787/-/status
  curl -s http://127.0.0.1:8787/api/v0/anything";

const CODES: &str = "\
Exit codes:
  0 granted  2 invalid-setting  3 unavailable  4 invalid-response  5 rejected
  6 account-locked  7 misconfigured  8 forbidden  9 unresolved  10 store-unavailable
  11 account-closed  12 granted, but the store loses or refuses records
  13 granted, with a warning about the store
  1 anything else";
