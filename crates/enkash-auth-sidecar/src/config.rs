use std::sync::Arc;

use enkash_auth_tower::{
    Accounts, Config as Settings, Egress, Origin, RefreshPolicy, TokenCache, TokenEndpoint,
    TokenServer,
};
use tokio::task::spawn_blocking;

use crate::{
    account_files::AccountFiles,
    args::{Args, Command},
    caller_key::CallerKey,
    failure::Failure,
    store::OpenStore,
    tokens::Tokens,
};

/// The validated settings of the command line and the environment.
pub(crate) struct Config {
    pub(crate) caller_key: Option<CallerKey>,
    pub(crate) upstream: Origin,
    pub(crate) egress: Egress,
    pub(crate) tokens: Tokens,
    pub(crate) store: OpenStore,
}

impl Config {
    pub(crate) fn read(args: &Args) -> Result<Self, Failure> {
        let lookup = |name: &str| std::env::var_os(name);
        let settings = Settings::from_lookup(lookup)?;
        let egress = Egress::from_lookup(lookup)?;
        let caller_key = args.caller_key()?;
        let is_open = args.listen.is_open(args.socket_mode);
        if is_open && caller_key.is_none() && !args.no_caller_key {
            let why = format!(
                "others can reach {}; set ENKASH_CALLER_KEY_FILE, or pass --no-caller-key",
                args.listen
            );
            return Err(Failure::setting("--listen", why));
        }
        let mut policy = RefreshPolicy::default();
        // A command sends nothing by itself.
        policy.keep_warm = args.command.is_none();
        let mut policy = settings.policy_over(policy)?;
        if let Some(Command::Check { .. }) = args.command {
            // `check` makes one request only.
            policy.attempts = 1;
        }
        let path = |name: &str| {
            let value = lookup(name).filter(|value| !value.to_string_lossy().trim().is_empty());
            value.map(Into::into)
        };
        let store = OpenStore::open(settings.token_store(), settings.store_timeout(), path)?;
        let environment = settings.environment()?;
        let (tokens, base) = match &args.accounts {
            None => {
                let credentials = settings.credentials()?;
                let endpoint = TokenEndpoint::with_egress(environment, credentials, &egress)?;
                let base = endpoint.base_url().origin().clone();
                let tokens = TokenCache::builder(endpoint).config(&settings)?;
                let tokens = tokens.policy(policy)?;
                let tokens = match store.persistent() {
                    Some(store) => tokens.store(store),
                    None => tokens,
                };
                (Tokens::One(tokens.build()), base)
            }
            Some(directory) => {
                let files = AccountFiles::new(directory.clone());
                let server = TokenServer::with_egress(environment, &egress)?;
                let server = match files.are_merchants()? {
                    true => server.for_merchants()?,
                    false => server,
                };
                let base = server.base_url().origin().clone();
                let read = Arc::clone(&files);
                let source = move |id: String| {
                    let files = Arc::clone(&read);
                    async { spawn_blocking(move || files.credentials(&id)).await? }
                };
                let accounts = Accounts::builder(server, source).config(&settings)?;
                let accounts = accounts.policy(policy)?;
                let accounts = match store.persistent() {
                    Some(store) => accounts.store(store),
                    None => accounts,
                };
                (Tokens::Many(accounts.build(), files), base)
            }
        };
        let upstream = match &args.upstream {
            None => base,
            Some(url) => url
                .trim_end_matches('/')
                .parse()
                .map_err(|error| Failure::setting("--upstream", error))?,
        };
        if let OpenStore::Memory { why } = &store {
            tracing::warn!(
                %why,
                "the token and the record of attempts are kept in memory: a restart loop with a \
                 wrong password would lock the account"
            );
        }
        Ok(Self {
            caller_key,
            upstream,
            egress,
            tokens,
            store,
        })
    }
}
