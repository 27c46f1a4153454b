use std::net::SocketAddr;

use clap::{Parser, Subcommand};

/// Puts EnKash's token on the calls of services in any language.
///
/// Whatever is sent to it goes on to the platform with a valid token. GET /-/live, /-/ready and
/// /-/status are its own.
#[derive(Debug, Parser)]
#[command(name = "enkash-sidecar", version, after_long_help = VARIABLES, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,

    /// Where requests go: scheme, host and port [default: those of the token server]
    #[arg(long, value_name = "URL")]
    pub(crate) upstream: Option<String>,

    /// Listens on an address that others can reach: whoever does can spend money
    #[arg(long)]
    pub(crate) allow_remote: bool,

    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Asks for a token, says how that went and what to do about it, and exits
    #[command(after_help = CODES)]
    Check {
        /// Validates the settings alone, and sends nothing
        #[arg(long)]
        offline: bool,
    },
    /// Shows the failed attempts on record for the account, asks, and clears them
    Reset {
        /// Does not ask
        #[arg(long)]
        yes: bool,
        /// Allows credentials again that the server has rejected
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
  …_FILE                                   a file that holds the secret or key, in place of the
                                           variable; read again when the server refuses it
  ENKASH_TOKEN_STORE                       memory, file:DIR, or for a fleet
                                           redis://USER:PASSWORD@HOST:PORT/DB or rediss://…; keeps
                                           the token and the failed attempts
                                           [default: the user's state directory,
                                           $XDG_STATE_HOME/enkash-auth or
                                           ~/.local/state/enkash-auth]
  ENKASH_ON_STORE_DOWN                     known-good, hold or attempt: what is sent while the store
                                           is down [default: known-good]
  ENKASH_FETCH_TIMEOUT, ENKASH_KEEP_WARM … when to ask: the keys of enkash-auth-tower's Config
  HTTPS_PROXY, ALL_PROXY                   the proxy to go through, http:// or https://, in either
                                           case; loopback is reached without it
  NO_PROXY                                 hosts that need none, separated by commas
  ENKASH_CA_FILE                           certificates to trust beside the Mozilla roots, in PEM
  RUST_LOG                                 what is logged to standard error [default: info]

Try it:
  curl -s http://127.0.0.1:8787/-/status
  curl -s http://127.0.0.1:8787/api/v0/anything";

const CODES: &str = "\
Exit codes:
  0 granted  2 invalid-setting  3 unavailable  4 invalid-response  5 rejected
  6 account-locked  7 misconfigured  8 forbidden  9 unresolved  10 store-unavailable
  11 account-closed
  1 anything else";
