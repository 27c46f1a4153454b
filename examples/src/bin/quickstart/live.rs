use std::io::{self, Write};

use enkash_auth_examples::{OpenStore, StoreSetting, one_line};
use enkash_auth_tower::{BoxError, Config, Egress, TokenCache, TokenEndpoint};
use tokio::task::JoinSet;

/// The number of tasks that request a token.
const TASKS: usize = 20;

/// Requests one token from the real server and calls no API. Returns whether every task got it.
pub(crate) async fn run() -> Result<bool, BoxError> {
    let lookup = |name: &str| std::env::var_os(name);
    let config = Config::from_lookup(lookup)?;
    let egress = Egress::from_lookup(lookup)?;
    let endpoint =
        TokenEndpoint::with_egress(config.environment()?, config.credentials()?, &egress)?;
    let mut out = io::stdout();
    writeln!(out, "asking {} for a token", endpoint.base_url())?;

    let path = |name: &str| lookup(name).map(Into::into);
    let store = StoreSetting::read(config.token_store(), path)?.open(path)?;
    let mut tokens = TokenCache::builder(endpoint).config(&config)?;
    match store {
        OpenStore::Kept(store) => tokens = tokens.store(store),
        OpenStore::Memory { why } => writeln!(out, "nothing is stored for the next run: {why}")?,
    }
    let tokens = tokens.build();
    // If this fails, nothing more is sent: three rejections lock an account.
    tokens.warm_up().await?;
    writeln!(out, "{}", standing(&tokens))?;

    let mut asking = JoinSet::new();
    for _ in 0..TASKS {
        asking.spawn(tokens.token());
    }
    let (mut served, mut failed) = (0, 0);
    while let Some(asked) = asking.join_next().await {
        match asked? {
            Ok(_) => served += 1,
            Err(error) => {
                failed += 1;
                writeln!(out, "failed: {}", one_line(&error))?;
            }
        }
    }
    writeln!(
        out,
        "{TASKS} tasks asked: {served} served, {failed} failed; {}",
        standing(&tokens)
    )?;
    Ok(failed == 0)
}

fn standing(tokens: &TokenCache) -> String {
    let status = tokens.status();
    let requests = status.token_requests();
    match (status.generation(), status.remaining()) {
        (Some(generation), Some(left)) => format!(
            "token {generation} held for {} s more, token requests: {requests}",
            left.as_secs()
        ),
        _ => format!("no token held, token requests: {requests}"),
    }
}
