#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub use self::egress::Egress;
#[cfg(all(unix, feature = "file"))]
pub use self::store::FileStore;
pub use enkash_auth_core::{
    AccessToken, AccountKey, BaseUrl, Bearer, Client, Clock, Credentials, Environment,
    InvalidSetting, Origin, SystemClock, Timestamp, User, account::AttemptId,
};

pub use self::{
    account_map::{AccountId, Accounts, AccountsBuilder},
    auth::{
        AuthRequest, Classifier, EnkashAuth, EnkashAuthLayer, EnkashProfile, Evidence, NotCalled,
        ReplayPolicy, RequestView, ResponseBody, Seen, Target,
    },
    cache::{TokenCache, TokenCacheBuilder},
    call_headers::Scheme,
    endpoint::{NotSent, TokenEndpoint, TokenRequestBody, TokenServer, TokenService},
    error::{Error, ErrorKind},
    policy::RefreshPolicy,
    status::Status,
    store::{Liveness, Loaded, MemoryStore, OnStoreDown, STORE_TIMEOUT, Store, StoreFuture},
};

#[cfg(feature = "metrics")]
pub use self::meter::describe_metrics;
#[cfg(feature = "retry")]
pub use self::retry::TokenRetry;

/// Names the futures that the types of this crate return.
pub mod future {
    #[cfg(feature = "retry")]
    pub use crate::retry::RetryPause;
    pub use crate::{auth::ResponseFuture, cache::TokenFuture};
}

/// Names what [`EnkashAuthLayer`] sends a second time, and when: [`NoReplay`](replay::NoReplay), or a
/// [`ReplayPolicy`].
pub mod replay {
    pub use crate::auth::{NoReplay, Replay, ReplayBody, ReplayRequest};
}

/// Names whose token [`EnkashAuthLayer`] attaches: that of one account, or of the one that a request names.
pub mod select {
    pub use crate::auth::{OneAccount, PerAccount, SelectAccount};
}

/// Names the connections that an [`Egress`] makes.
#[cfg(feature = "client")]
pub mod connect {
    pub use crate::egress::{EgressConnecting, EgressConnector, EgressStream};
}

/// Boxes any error, as in tower.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Exposes what the tests of this workspace need, exempt from semantic versioning.
#[doc(hidden)]
pub mod internal {
    pub use enkash_auth_core::is_token_path;

    pub use crate::attempts::Process;
    #[cfg(feature = "config")]
    pub use crate::config::duration_or_never;
    #[cfg(feature = "client")]
    pub use crate::egress::{Traffic, connections, lenient::pool as lenient_pool};
    pub use crate::store::{LONGEST_STORE_TIMEOUT, Queue, Slot, checked_timeout};
}
