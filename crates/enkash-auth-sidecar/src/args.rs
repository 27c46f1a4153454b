use std::net::SocketAddr;

use clap::{Parser, Subcommand};

/// Adds EnKash's bearer token to the calls of services in any language.
///
/// Forwards every request to the platform with a valid token. Serves GET /-/live, /-/ready and
/// /-/status itself.
#[derive(Debug, Parser)]
#[command(name = "enkash-sidecar", version, after_long_help = VARIABLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,

    /// Upstream for requests: scheme, host and port [default: those of the token server]
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,

    /// Allows a non-loopback address: every client that can reach it can spend money
    #[arg(long)]
    pub(crate) allow_remote: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Requests a token, prints the outcome and what to do about it, and exits
    #[command(after_help = CODES)]
    Check {
        /// Validates only the settings and sends nothing
        #[arg(long)]
        offline: bool,
    },
    /// Shows the recorded failed attempts of the account, asks for confirmation, and clears them
    Reset {
        /// Skips the confirmation
        #[arg(long)]
        yes: bool,
        /// Also allows credentials again that the server has rejected
        #[arg(long)]
        allow_rejected: bool,
    },
}

const VARIABLES: &str = "\
Settings are environment variables; a blank one is unset:
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
                                           redis://USER:PASSWORD@HOST:PORT/DB or rediss://…; stores
                                           the token and the failed attempts
                                           [default: the user's state directory,
                                           $XDG_STATE_HOME/enkash-auth or
                                           ~/.local/state/enkash-auth]
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
  11 account-closed
  1 anything else";
