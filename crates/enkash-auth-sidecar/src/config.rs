use std::{net::SocketAddr, sync::Arc};

use enkash_auth_tower::{
    Config as Settings, Egress, Origin, RefreshPolicy, TokenCache, TokenEndpoint,
};

use crate::{
    args::{Args, Command},
    failure::Failure,
    store::OpenStore,
};

/// The validated settings of the command line and the environment.
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) upstream: Origin,
    pub(crate) egress: Egress,
    pub(crate) tokens: TokenCache,
    pub(crate) store: OpenStore,
}

impl Config {
    pub(crate) fn read(args: &Args) -> Result<Self, Failure> {
        let lookup = |name: &str| std::env::var_os(name);
        let settings = Settings::from_lookup(lookup)?;
        let egress = Egress::from_lookup(lookup)?;
        let (environment, credentials) = (settings.environment()?, settings.credentials()?);
        let endpoint = TokenEndpoint::with_egress(environment, credentials, &egress)?;
        let upstream = match &args.upstream {
            None => endpoint.base_url().origin().clone(),
            Some(url) => url
                .trim_end_matches('/')
                .parse()
                .map_err(|error| Failure::setting("--upstream", error))?,
        };
        let local = args.listen.ip().to_canonical().is_loopback();
        if !local && !args.allow_remote {
            let why = format!(
                "{} is not a loopback address; pass --allow-remote",
                args.listen
            );
            return Err(Failure::setting("--listen", why));
        }
        let mut policy = RefreshPolicy::default();
        policy.keep_warm = true;
        let mut policy = settings.policy_over(policy)?;
        if let Some(Command::Check { .. }) = args.command {
            // `check` makes one request only.
            policy.attempts = 1;
        }
        let path = |name: &str| lookup(name).map(Into::into);
        let store = OpenStore::open(settings.token_store(), path)?;
        let mut tokens = TokenCache::builder(endpoint)
            .config(&settings)?
            .policy(policy)?;
        match &store {
            OpenStore::Kept(store) => tokens = tokens.store(Arc::clone(store)),
            OpenStore::Memory { why } => tracing::warn!(
                %why,
                "the token and the record of attempts are kept in memory: a restart loop with a \
                 wrong password would lock the account"
            ),
        }
        Ok(Self {
            listen: args.listen,
            upstream,
            egress,
            tokens: tokens.build(),
            store,
        })
    }
}
