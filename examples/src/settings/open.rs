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

/// A store, or why there is none that outlives the process.
///
/// # Examples
///
/// ```
/// use enkash_auth_examples::{OpenStore, StoreSetting};
///
/// let OpenStore::Memory { why } = StoreSetting::Memory.open(|_| None)? else { unreachable!() };
/// assert_eq!(why.to_string(), "ENKASH_TOKEN_STORE says so");
/// # Ok::<(), enkash_auth_examples::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub enum OpenStore {
    /// That one.
    Kept(Arc<dyn Store>),
    /// The memory of this process: restarted over and over with a wrong password, it would lock the
    /// account.
    Memory {
        /// What kept it from another one.
        why: Arc<str>,
    },
}

impl StoreSetting {
    /// Opens the store. `path` looks up variables that hold paths.
    ///
    /// # Errors
    ///
    /// Where one was chosen that cannot be opened, or the certificates in `ENKASH_CA_FILE` cannot. If
    /// the usual directory cannot be opened, that is the memory of this process.
    pub fn open(&self, path: impl Fn(&str) -> Option<PathBuf>) -> Result<OpenStore, SettingError> {
        let opened = match self {
            Self::Redis(address) => on_redis(address.expose(), &certificates(path)?),
            Self::File(directory) => on_disk(directory),
            Self::Usual(Some(directory)) => on_disk(directory).or_else(in_memory),
            Self::Usual(None) => in_memory("there is no HOME to keep them in".to_owned()),
            Self::Memory => in_memory(format!("{TOKEN_STORE} says so")),
        };
        opened.map_err(|why| SettingError::new(TOKEN_STORE, why))
    }
}

/// Those to trust beside the Mozilla roots, in PEM.
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
    Err("a store in a directory needs unix".to_owned())
}
