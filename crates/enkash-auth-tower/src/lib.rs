#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod account_credentials;
mod account_map;
mod attempts;
mod auth;
mod cache;
mod call_headers;
#[cfg(feature = "config")]
mod config;
#[cfg(feature = "conformance")]
pub mod conformance;
#[cfg(feature = "client")]
mod egress;
mod endpoint;
mod error;
mod heartbeat;
mod meter;
mod policy;
#[cfg(feature = "retry")]
mod retry;
mod status;
mod store;
mod sync;
#[cfg(test)]
#[cfg(feature = "client")]
#[path = "../tests/unit/mod.rs"]
mod tests;
mod time;

#[cfg(feature = "config")]
pub use self::config::{Config, ConfigError};
#[cfg(feature = "client")]
pub use self::egress::{Egress, EgressConnecting, EgressConnector, EgressStream};
#[cfg(all(unix, feature = "file"))]
pub use self::store::FileStore;
pub use enkash_auth_core::{
    AccessToken, AccountKey, BaseUrl, Bearer, Client, Clock, Credentials, Environment,
    InvalidSetting, Origin, SystemClock, Timestamp, User,
};

pub use self::{
    account_map::{AccountId, Accounts, AccountsBuilder},
    auth::{
        AuthRequest, Classifier, EnkashAuth, EnkashAuthLayer, EnkashProfile, Evidence, NoReplay,
        NotCalled, OneAccount, PerAccount, Replay, ReplayBody, ReplayPolicy, ReplayRequest,
        RequestView, ResponseBody, ResponseFuture, Seen, SelectAccount, Target,
    },
    cache::{TokenCache, TokenCacheBuilder, TokenFuture},
    call_headers::Scheme,
    endpoint::{NotSent, TokenEndpoint, TokenRequestBody, TokenServer},
    error::{Error, ErrorKind},
    policy::RefreshPolicy,
    status::Status,
    store::{Liveness, Loaded, MemoryStore, OnStoreDown, STORE_TIMEOUT, Store, StoreFuture},
};

#[cfg(feature = "metrics")]
pub use self::meter::describe_metrics;
#[cfg(feature = "retry")]
pub use self::retry::{RetryPause, TokenRetry};

/// Boxes any error, as in tower.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Exposes what the tests of this workspace need, exempt from semantic versioning.
#[doc(hidden)]
pub mod internal {
    pub use crate::attempts::Process;
    #[cfg(feature = "client")]
    pub use crate::egress::lenient::pool as lenient_pool;
    pub use crate::store::{Queue, Slot};
}
