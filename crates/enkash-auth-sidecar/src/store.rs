use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::Store;

use crate::failure::{Failure, one_line};

pub(crate) const TOKEN_STORE: &str = "ENKASH_TOKEN_STORE";
const CA_FILE: &str = "ENKASH_CA_FILE";

/// A persistent store, or the reason why there is none.
pub(crate) enum OpenStore {
    /// A store that outlives the process.
    Kept(Arc<dyn Store>),
    /// The memory of this process: a restart loop with a wrong password would lock the account.
    Memory {
        /// Why there is no persistent store.
        why: String,
    },
}

impl OpenStore {
    /// Opens the store that `setting`, the value of `ENKASH_TOKEN_STORE`, names. `path` looks up variables
    /// that hold paths.
    ///
    /// If the default directory cannot be opened, the store is the memory of this process.
    pub(crate) fn open(
        setting: Option<&str>,
        path: impl Fn(&str) -> Option<PathBuf>,
    ) -> Result<Self, Failure> {
        let opened = match StoreSetting::read(setting, &path)? {
            StoreSetting::Redis(address) => on_redis(&address, &certificates(path)?),
            StoreSetting::Directory(directory) => on_disk(&directory),
            StoreSetting::Usual(Some(directory)) => on_disk(&directory).or_else(in_memory),
            StoreSetting::Usual(None) => in_memory("HOME is not set".to_owned()),
            StoreSetting::Memory => in_memory(format!("{TOKEN_STORE} is set to memory")),
        };
        opened.map_err(|why| Failure::setting(TOKEN_STORE, why))
    }
}

/// Where the token and the record of attempts are stored. It has no `Debug`, because an address may
/// contain a password.
#[derive(Eq, PartialEq)]
enum StoreSetting {
    Memory,
    Directory(PathBuf),
    /// On a server, shared by a fleet.
    Redis(String),
    /// By default: in the user's state directory, if there is one.
    Usual(Option<PathBuf>),
}

impl StoreSetting {
    /// Reads the value of `ENKASH_TOKEN_STORE`.
    ///
    /// The user's state directory is `$XDG_STATE_HOME`, or `~/.local/state`; a relative path counts
    /// as none, as the XDG specification says.
    fn read(value: Option<&str>, path: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, Failure> {
        let Some(value) = value else {
            let absolute = |name| path(name).filter(|path| path.is_absolute());
            let state = absolute("XDG_STATE_HOME")
                .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
            return Ok(Self::Usual(state.map(|state| state.join("enkash-auth"))));
        };
        match value.split_once(':') {
            None if value == "memory" => Ok(Self::Memory),
            Some(("file", directory)) if Path::new(directory).is_absolute() => {
                Ok(Self::Directory(directory.into()))
            }
            Some(("file", directory)) if !directory.trim().is_empty() => {
                let why = "file: requires an absolute path, such as file:/var/lib/enkash; ~ is not expanded";
                Err(Failure::setting(TOKEN_STORE, why))
            }
            Some(("redis" | "rediss", address)) if address.starts_with("//") => {
                Ok(Self::Redis(value.to_owned()))
            }
            _ => Err(Failure::setting(
                TOKEN_STORE,
                "not memory, file:DIR, redis:// or rediss://",
            )),
        }
    }
}

/// Reads the PEM certificates to trust beside the Mozilla roots.
fn certificates(path: impl Fn(&str) -> Option<PathBuf>) -> Result<Vec<u8>, Failure> {
    let file = path(CA_FILE).filter(|file| !file.as_os_str().is_empty());
    let read = file.map(fs::read).transpose();
    read.map(Option::unwrap_or_default)
        .map_err(|error| Failure::setting(CA_FILE, error))
}

fn in_memory(why: String) -> Result<OpenStore, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_setting_is_memory_directory_or_redis() {
        let store = |value| StoreSetting::read(Some(value), |_| None);
        assert!(store("memory").unwrap() == StoreSetting::Memory);
        assert!(store("file:/a b").unwrap() == StoreSetting::Directory("/a b".into()));
        for address in ["redis://cache:6379/0", "rediss://payouts:secret@cache"] {
            assert!(store(address).unwrap() == StoreSetting::Redis(address.into()));
        }
        for unusable in [
            "file",
            "file:",
            "file: ",
            "file:~/enkash",
            "file:enkash",
            "Memory",
            "memory:x",
            "redis",
            "redis:",
            "redis:cache",
            "rediss",
            "/tmp/x",
        ] {
            let error = store(unusable).err().unwrap().to_string();
            assert!(error.starts_with("ENKASH_TOKEN_STORE: "), "{error}");
            assert!(!error.contains("/tmp"), "{error}");
        }
    }

    #[test]
    fn unset_store_uses_state_directory_of_user() {
        let usual = |paths: &[(&str, &str)]| {
            let path = |name: &str| {
                let found = paths.iter().find(|(known, _)| *known == name);
                found.map(|(_, path)| PathBuf::from(path))
            };
            match StoreSetting::read(None, path).unwrap() {
                StoreSetting::Usual(directory) => directory,
                _ => panic!("not the usual one"),
            }
        };
        let (state, home) = (("XDG_STATE_HOME", "/state"), ("HOME", "/home/a"));
        let (in_state, in_home) = ("/state/enkash-auth", "/home/a/.local/state/enkash-auth");
        assert_eq!(usual(&[state, home]), Some(in_state.into()));
        assert_eq!(usual(&[home]), Some(in_home.into()));
        // A relative path counts as none.
        let relative = ("XDG_STATE_HOME", "state");
        assert_eq!(usual(&[relative, home]), Some(in_home.into()));
        assert_eq!(usual(&[relative, ("HOME", "")]), None);
        assert_eq!(usual(&[]), None);
    }
}
