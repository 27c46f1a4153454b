use std::sync::Arc;

use enkash_auth_axum::health::Probe;
use enkash_auth_tower::{Accounts, TokenCache};
use serde_json::{Value, json};

use crate::{
    account_files::AccountFiles,
    failure::{Failure, advice},
};

/// The tokens of one account, or of many.
#[derive(Clone)]
pub(crate) enum Tokens {
    One(TokenCache),
    Many(Accounts<String>, Arc<AccountFiles>),
}

impl Tokens {
    /// Returns the cache of the only account, or of the one that is named.
    pub(crate) fn one(&self, account: Option<&str>) -> Result<TokenCache, Failure> {
        match (self, account) {
            (Self::One(tokens), None) => Ok(tokens.clone()),
            (Self::Many(accounts, _), Some(id)) => Ok(accounts.get(&id.to_owned())?),
            (Self::One(_), Some(_)) => Err(Failure::setting("--account", "requires --accounts")),
            (Self::Many(..), None) => Err(Failure::setting("--account", "required by --accounts")),
        }
    }

    /// Returns a report, and whether requests can be served.
    pub(crate) fn report(&self) -> (Value, bool) {
        match self {
            Self::One(tokens) => report(tokens),
            Self::Many(accounts, _) => report(accounts),
        }
    }

    /// Returns what to do about the last error of the only account.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        match self {
            Self::One(tokens) => Some(advice(tokens.status().last_error()?.kind()).1),
            Self::Many(..) => None,
        }
    }

    /// Sets the gauges of the metrics.
    pub(crate) fn record_gauges(&self) {
        match self {
            Self::One(tokens) => tokens.record_gauges(),
            Self::Many(accounts, files) => {
                let ids = files.ids().unwrap_or_default().into_iter();
                for id in ids.filter(|id| accounts.contains(id)) {
                    if let Ok(tokens) = accounts.get(&id) {
                        tokens.record_gauges();
                    }
                }
            }
        }
    }
}

fn report<T: Probe>(tokens: &T) -> (Value, bool) {
    let report = tokens.report();
    (json!(report), T::is_ready(&report))
}
