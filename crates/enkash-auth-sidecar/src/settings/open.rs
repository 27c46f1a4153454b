use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::Store;

use super::{SettingError, StoreSetting, store::TOKEN_STORE};
use crate::one_line;

const CA_FILE: &str = "ENKASH_CA_FILE";

/// A persistent store, or the reason why there is none.
///
/// # Examples
///
/// ```
/// use enkash_auth_sidecar::{OpenStore, StoreSetting};
///
/// let OpenStore::Memory { why } = StoreSetting::Memory.open(|_| None)? else { unreachable!() };
/// assert_eq!(why.to_string(), "ENKASH_TOKEN_STORE is set to memory");
/// # Ok::<(), enkash_auth_sidecar::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub enum OpenStore {
    /// A store that outlives the process.
    Kept(Arc<dyn Store>),
    /// The memory of this process: a restart loop with a wrong password would lock the account.
    Memory {
        /// Why there is no persistent store.
        why: Arc<str>,
    },
}

impl StoreSetting {
    /// Opens the store. `path` looks up variables that hold paths.
    ///
    /// # Errors
    ///
    /// If the chosen store or the certificates in `ENKASH_CA_FILE` cannot be opened. If the default
    /// directory cannot be opened, the store is the memory of this process.
    pub fn open(&self, path: impl Fn(&str) -> Option<PathBuf>) -> Result<OpenStore, SettingError> {
        let opened = match self {
            Self::Redis(address) => on_redis(address.expose(), &certificates(path)?),
            Self::File(directory) => on_disk(directory),
            Self::Usual(Some(directory)) => on_disk(directory).or_else(in_memory),
            Self::Usual(None) => in_memory("HOME is not set".to_owned()),
            Self::Memory => in_memory(format!("{TOKEN_STORE} is set to memory")),
        };
        opened.map_err(|why| SettingError::new(TOKEN_STORE, why))
    }
}

/// Reads the PEM certificates to trust beside the Mozilla roots.
fn certificates(path: impl Fn(&str) -> Option<PathBuf>) -> Result<Vec<u8>, SettingError> {
    let file = path(CA_FILE).filter(|file| !file.as_os_str().is_empty());
    let read = file.map(fs::read).transpose();
    read.map(Option::unwrap_or_default)
        .map_err(|error| SettingError::new(CA_FILE, error.to_string()))
}

fn in_memory(why: String) -> Result<OpenStore, String> {
    let why = why.into();
    Ok(OpenStore::Memory { why })
}

fn on_redis(address: &str, certificates: &[u8]) -> Result<OpenStore, String> {
    match RedisStore::with_certificates(address, certificates) {
        Ok(store) => Ok(OpenStore::Kept(Arc::new(store))),
        Err(error) => Err(one_line(&error)),
    }
}

#[cfg(unix)]
fn on_disk(directory: &Path) -> Result<OpenStore, String> {
    match enkash_auth_tower::FileStore::open(directory) {
        Ok(store) => Ok(OpenStore::Kept(Arc::new(store))),
        Err(error) => Err(one_line(&error)),
    }
}

#[cfg(not(unix))]
fn on_disk(_: &Path) -> Result<OpenStore, String> {
    Err("a directory store requires unix".to_owned())
}
