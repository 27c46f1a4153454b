use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{BoxError, Error, Store, internal::checked_timeout};

use crate::failure::{Failure, one_line};

pub(crate) const TOKEN_STORE: &str = "ENKASH_TOKEN_STORE";
const TOKEN_STORE_FILE: &str = "ENKASH_TOKEN_STORE_FILE";
const STORE_TIMEOUT: &str = "ENKASH_STORE_TIMEOUT";
const CA_FILE: &str = "ENKASH_CA_FILE";
const REDIS_USERNAME_FILE: &str = "ENKASH_REDIS_USERNAME_FILE";
const REDIS_PASSWORD_FILE: &str = "ENKASH_REDIS_PASSWORD_FILE";
const REDIS_CERTIFICATE_FILE: &str = "ENKASH_REDIS_CERTIFICATE_FILE";
const REDIS_KEY_FILE: &str = "ENKASH_REDIS_KEY_FILE";

/// A persistent store, or the reason why there is none.
pub(crate) enum OpenStore {
    /// A store that outlives the process.
    Directory(Arc<dyn Store>),
    /// One that a fleet shares.
    Redis(RedisStore),
    /// The memory of this process: a restart loop with a wrong password would lock the account.
    Memory {
        /// Why there is no persistent store.
        why: String,
    },
}

impl OpenStore {
    /// Opens the store that `setting` names, the value of `ENKASH_TOKEN_STORE`, or the content of the file in
    /// `ENKASH_TOKEN_STORE_FILE`. A call takes no longer than `timeout`. `path` looks up variables that
    /// hold paths; a blank one is unset.
    ///
    /// If neither is set, and the default directory cannot be opened, the store is the memory of this process.
    pub(crate) fn open(
        setting: Option<&str>,
        timeout: Option<Duration>,
        path: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let file = path(TOKEN_STORE_FILE).map(|file| secret(&file)).transpose();
        let file = file.map_err(|error| Failure::setting(TOKEN_STORE_FILE, error))?;
        if setting.is_some() && file.is_some() {
            let why = format!("set beside {TOKEN_STORE}");
            return Err(Failure::setting(TOKEN_STORE_FILE, why));
        }
        let timeout = timeout.map(checked_timeout).transpose();
        let timeout = timeout.map_err(|error| Failure::setting(STORE_TIMEOUT, one_line(&error)))?;
        let is_redis = |(scheme, _): (&str, _)| scheme.starts_with("redis");
        match setting.or(file.as_deref()) {
            None => Ok(match usual(path) {
                Some(directory) => {
                    on_disk(&directory, timeout).unwrap_or_else(|why| Self::Memory { why })
                }
                None => Self::Memory {
                    why: "HOME is not set".to_owned(),
                },
            }),
            Some("memory") => Ok(Self::Memory {
                why: format!("{TOKEN_STORE} is set to memory"),
            }),
            Some(address) if address.split_once("://").is_some_and(is_redis) => {
                on_redis(address, timeout, path)
            }
            Some(other) => {
                let unknown = || "not memory, file:DIR, redis:// or rediss://".to_owned();
                let directory = other.strip_prefix("file:").ok_or_else(unknown);
                let opened = directory.and_then(|directory| on_disk(Path::new(directory), timeout));
                opened.map_err(|why| Failure::setting(TOKEN_STORE, why))
            }
        }
    }

    /// Returns where the token is stored, in a word.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Directory(_) => "directory",
            Self::Redis(_) => "redis",
            Self::Memory { .. } => "memory",
        }
    }

    /// Returns the store, if it is persistent.
    pub(crate) fn persistent(&self) -> Option<Arc<dyn Store>> {
        match self {
            Self::Directory(store) => Some(Arc::clone(store)),
            Self::Redis(store) => Some(Arc::new(store.clone())),
            Self::Memory { .. } => None,
        }
    }
}

/// Returns the directory in that of the user's state: `$XDG_STATE_HOME`, or `~/.local/state`. A relative path counts
/// as none, as the XDG specification says.
fn usual(path: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let absolute = |name| path(name).filter(|path| path.is_absolute());
    let state = absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))?;
    Some(state.join("enkash-auth"))
}

fn on_redis(
    address: &str,
    timeout: Option<Duration>,
    path: impl Fn(&str) -> Option<PathBuf>,
) -> Result<OpenStore, Failure> {
    let unusable = |name| move |error: Error| Failure::setting(name, one_line(&error));
    let read = |name| {
        let file = path(name).map(fs::read).transpose();
        file.map_err(|error| Failure::setting(name, error))
    };
    let mut store = RedisStore::new(address).map_err(unusable(TOKEN_STORE))?;
    if let Some(pem) = read(CA_FILE)? {
        store = store.certificates(&pem).map_err(unusable(CA_FILE))?;
    }
    store = match (read(REDIS_CERTIFICATE_FILE)?, read(REDIS_KEY_FILE)?) {
        (None, None) => store,
        (chain, Some(key)) => store
            .client_certificate(&chain.unwrap_or_default(), &key)
            .map_err(unusable(REDIS_CERTIFICATE_FILE))?,
        (Some(_), None) => return Err(Failure::setting(REDIS_KEY_FILE, "not set")),
    };
    if let Some(timeout) = timeout {
        let limited = store.call_timeout(timeout);
        store = limited.map_err(unusable(STORE_TIMEOUT))?;
    }
    match (path(REDIS_USERNAME_FILE), path(REDIS_PASSWORD_FILE)) {
        (None, None) => {}
        (Some(_), None) => return Err(Failure::setting(REDIS_PASSWORD_FILE, "not set")),
        (user, Some(password)) => {
            let login = move || {
                let user = user.as_deref().map(secret).transpose()?;
                Ok::<_, BoxError>((user, secret(&password)?))
            };
            login().map_err(|error| Failure::setting(REDIS_PASSWORD_FILE, error))?;
            store = store.login(login);
        }
    }
    Ok(OpenStore::Redis(store))
}

/// Reads a file without the line end that an editor appends. The error names the file.
pub(crate) fn secret(file: &Path) -> Result<String, BoxError> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.is_empty() {
        true => Err(format!("{} is empty", file.display()).into()),
        false => Ok(text.to_owned()),
    }
}

/// Opens a store in a directory. The error is a text.
fn on_disk(directory: &Path, timeout: Option<Duration>) -> Result<OpenStore, String> {
    if !directory.is_absolute() {
        return Err(
            "file: requires an absolute path, such as file:/var/lib/enkash; ~ is not expanded"
                .to_owned(),
        );
    }
    #[cfg(unix)]
    {
        let opened = enkash_auth_tower::FileStore::open(directory);
        let opened = opened.and_then(|store| match timeout {
            Some(limit) => store.call_timeout(limit),
            None => Ok(store),
        });
        let store = opened.map_err(|error| one_line(&error))?;
        Ok(OpenStore::Directory(Arc::new(store)))
    }
    #[cfg(not(unix))]
    {
        let _ = timeout;
        Err("a directory store requires unix".to_owned())
    }
}

#[cfg(test)]
#[path = "../tests/unit/store.rs"]
mod tests;
