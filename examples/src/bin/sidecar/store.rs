use std::sync::Arc;

use enkash_auth_examples::{RedisAddress, StoreSetting};
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::TokenStore;

use crate::failure::Failure;

/// The store that was chosen; `None` for the memory of this process.
pub(crate) fn open(
    setting: &StoreSetting,
    certificates: &[u8],
) -> Result<Option<Arc<dyn TokenStore>>, Failure> {
    match setting {
        StoreSetting::Redis(address) => match on_redis(address, certificates) {
            Ok(store) => Ok(Some(Arc::new(store))),
            Err(why) => Err(Failure::setting("ENKASH_TOKEN_STORE", why)),
        },
        StoreSetting::File(directory) => match on_disk(directory) {
            Ok(store) => Ok(Some(store)),
            Err(why) => Err(Failure::setting("ENKASH_TOKEN_STORE", why)),
        },
        StoreSetting::Usual(Some(directory)) => match on_disk(directory) {
            Ok(store) => Ok(Some(store)),
            Err(why) => Ok(in_memory(&why)),
        },
        StoreSetting::Usual(None) => Ok(in_memory("there is no HOME to keep them in")),
        _ => Ok(in_memory("ENKASH_TOKEN_STORE says so")),
    }
}

fn in_memory(why: &str) -> Option<Arc<dyn TokenStore>> {
    tracing::warn!(
        why,
        "the token and the record of attempts are kept in memory: restarted over and over with a \
         wrong password, this would lock the account"
    );
    None
}

fn on_redis(address: &RedisAddress, certificates: &[u8]) -> Result<RedisStore, String> {
    RedisStore::with_certificates(address.expose(), certificates)
        .map_err(|error| crate::failure::one_line(&error))
}

#[cfg(unix)]
fn on_disk(directory: &std::path::Path) -> Result<Arc<dyn TokenStore>, String> {
    match enkash_auth_tower::FileStore::open(directory) {
        Ok(store) => Ok(Arc::new(store)),
        Err(error) => Err(crate::failure::one_line(&error)),
    }
}

#[cfg(not(unix))]
fn on_disk(_: &std::path::Path) -> Result<Arc<dyn TokenStore>, String> {
    Err("a store in a directory needs unix".to_owned())
}
