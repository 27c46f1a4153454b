use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use enkash_auth_tower::FileStore;
use tokio::runtime::Runtime;

use super::{Account, Kept, Meant, opened};
use crate::issuer;

struct Directory {
    path: PathBuf,
    runtime: Runtime,
}

thread_local! {
    static DIRECTORY: Directory = Directory::new();
}

/// In a directory that holds what was kept.
pub(super) fn with(account: &Account, kept: &Kept, meant: &Meant) {
    DIRECTORY.with(|directory| {
        let path = &directory.path;
        let _ = fs::remove_dir_all(path);
        let store = FileStore::open(path).expect("it can be made");
        let strikes = path.join(format!("{}.strikes", account.id));
        let token = path.join(format!("{}-{}.token", account.id, account.short()));
        write(&strikes, kept.record.as_deref());
        write(&token, kept.token.as_deref());
        directory
            .runtime
            .block_on(opened(&store, account, kept, meant));
        let bad = fs::read(strikes.with_extension("strikes.bad")).ok();
        let is_bad = matches!(meant.ledger, Some(Err(_)));
        assert_eq!(bad, kept.record.clone().filter(|_| is_bad));
    });
}

fn write(file: &Path, bytes: Option<&[u8]>) {
    if let Some(bytes) = bytes {
        fs::write(file, bytes).expect("it can be written");
    }
}

impl Directory {
    /// In memory, where there is such a place: what is written is synced.
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let parent = if memory.is_dir() {
            memory.to_owned()
        } else {
            env::temp_dir()
        };
        Self {
            path: parent.join(format!("enkash-auth-fuzz-{}", process::id())),
            runtime: issuer::runtime(),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
