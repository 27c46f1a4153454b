use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{self, Path, PathBuf},
    time::Duration,
};

use enkash_auth_core::{AccountKey, account::AttemptId};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::{sleep, timeout},
};

use super::{
    Liveness, Loaded, Queue, STORE_TIMEOUT, Store, StoreFuture, checked_timeout,
    workers::{WORKERS, Workers},
};
use crate::{BoxError, Error, ErrorKind, sync::Arc};

#[cfg(test)]
#[path = "../../tests/unit/sync_errors.rs"]
mod tests;

#[cfg(test)]
use self::tests::sync;

/// Limits the guards at a time: each keeps a file open, of which a process may often have no more than 1,024.
const GUARDS: usize = 256;

/// Sets how often a lock that is held elsewhere is retried. It is held for a few writes to disk.
const LOCK_POLL: Duration = Duration::from_millis(5);

/// Limits a record, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Keeps the records in a directory: for the processes of one host, across restarts.
///
/// An account has a file with its record, one that is locked while the record is replaced, and one that is
/// locked while an attempt is made. The kernel releases that lock with the process, so no other process waits
/// for the lease of one that was killed; it is taken for up to 256 attempts at a time. A record is written to a
/// file of its own and renamed. Files are private to the user; a directory that was removed is recreated.
///
/// Clones share a queue: the calls of a runtime use at most 16 of its blocking threads, and the others wait.
///
/// # Examples
///
/// ```
/// use enkash_auth_tower::{Credentials, Environment, FileStore, TokenCache, TokenEndpoint};
///
/// # let directory = tempfile::tempdir()?;
/// # let path = directory.path();
/// let endpoint = TokenEndpoint::new(Environment::Test, Credentials::merchant("key", "secret"))?;
/// let tokens = TokenCache::builder(endpoint).store(FileStore::open(path)?).build();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileStore {
    directory: PathBuf,
    queue: Arc<Queue<Workers>>,
    guards: Arc<Semaphore>,
}

impl FileStore {
    /// Opens the store in `directory`, which is created if it does not exist. A relative path is made absolute
    /// now, so it does not follow a later change of the current directory. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if it is not a directory or cannot be written to; the text says why.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        let opened = path::absolute(&directory).and_then(|directory| {
            prepare(&directory)?;
            Ok(Self {
                directory,
                queue: Arc::new(Queue::new(WORKERS, STORE_TIMEOUT)),
                guards: Arc::new(Semaphore::new(GUARDS)),
            })
        });
        opened.map_err(|error| {
            let detail = format!("store directory {}: {error}", directory.display());
            Error::new(ErrorKind::InvalidSetting, detail)
        })
    }

    /// Sets how long a call may take once it has a thread: 500 ms by default, 5 s at most. A slow or busy disk may
    /// need more. Clones made before keep theirs.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] if it is zero, or over 5 s.
    pub fn call_timeout(mut self, limit: Duration) -> Result<Self, Error> {
        self.queue = Arc::new(Queue::new(WORKERS, checked_timeout(limit)?));
        Ok(self)
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn file(&self, account: &AccountKey, what: &str) -> PathBuf {
        self.directory.join(format!("{account:x}.{what}"))
    }

    /// Runs `work` on a thread, and again a little later while it returns `None`.
    async fn call<T: Send + 'static>(
        &self,
        work: impl Fn() -> io::Result<Option<T>> + Send + Sync + 'static,
    ) -> Result<T, BoxError> {
        // Also kept by the thread, which may work on after the call was dropped.
        let slot = Arc::new(self.queue.enter().await?);
        let work = Arc::new(work);
        let repeated = async {
            loop {
                let (sender, worked) = oneshot::channel();
                let (kept, work) = (Arc::clone(&slot), Arc::clone(&work));
                slot.shared().run(move || {
                    let result = work();
                    kept.responded();
                    drop(kept);
                    // The call may have been dropped.
                    let _ = sender.send(result);
                });
                match worked.await?? {
                    Some(result) => return Ok(result),
                    None => sleep(LOCK_POLL).await,
                }
            }
        };
        let result = timeout(self.queue.timeout(), repeated).await;
        result.unwrap_or_else(|_| Err("the store's directory did not respond in time".into()))
    }
}

impl Store for FileStore {
    fn timeout(&self) -> Option<Duration> {
        None
    }

    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        let path = self.file(account, "record");
        // A record is replaced as a whole: reading takes no lock.
        Box::pin(self.call(move || Ok(Some(Loaded::new(read(&path)?)))))
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        let [path, temporary, lock] =
            ["record", "tmp", "lock"].map(|what| self.file(account, what));
        let (current, record) = (current.map(<[u8]>::to_vec), record.to_vec());
        Box::pin(self.call(move || {
            // A write that comes second need not wait for the lock: other writers might always take it first.
            if read(&path)? != current {
                return Ok(Some(false));
            }
            let Some(_lock) = try_lock(&lock)? else {
                return Ok(None);
            };
            let is_current = read(&path)? == current;
            if is_current {
                replace(&path, &temporary, &record)?;
            }
            Ok(Some(is_current))
        }))
    }

    fn hold<'a>(
        &'a self,
        account: &'a AccountKey,
        attempt: AttemptId,
    ) -> StoreFuture<'a, Option<Liveness>> {
        let path = self.file(account, "live");
        let own = self.file(account, &format!("{attempt:x}.live"));
        let guards = Arc::clone(&self.guards);
        Box::pin(self.call(move || {
            let Ok(permit) = Arc::clone(&guards).try_acquire_owned() else {
                return Ok(Some(None));
            };
            let mut file = in_directory(&own, || private().create_new(true).open(&own))?;
            let named = file
                .try_lock()
                .map_err(io::Error::from)
                .and_then(|()| write!(file, "{attempt:x}"))
                // Locked before it is renamed: never seen without its owner. If another write comes first, the
                // winner's file is gone: should it be killed, its lease has to pass.
                .and_then(|()| fs::rename(&own, &path));
            if named.is_err() {
                let _ = fs::remove_file(&own);
            }
            named.map(|()| Some(Some(Box::new(Guard(file, permit)) as Liveness)))
        }))
    }

    fn is_dead<'a>(&'a self, account: &'a AccountKey, attempt: AttemptId) -> StoreFuture<'a, bool> {
        let path = self.file(account, "live");
        Box::pin(self.call(move || {
            let mut file = match File::open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Some(false)),
                file => file?,
            };
            let mut owner = String::new();
            Read::by_ref(&mut file)
                .take(LONGEST)
                .read_to_string(&mut owner)?;
            // Shared, so that concurrent checks do not take one another for the owner.
            let is_owner = owner == format!("{attempt:x}");
            Ok(Some(is_owner && file.try_lock_shared().is_ok()))
        }))
    }
}

/// Holds a lock, and its place among the guards.
#[expect(dead_code, reason = "held until they are dropped")]
struct Guard(File, OwnedSemaphorePermit);

/// Creates the directory, and checks that files can be written and locked in it.
fn prepare(directory: &Path) -> io::Result<()> {
    make(directory)?;
    let mode = fs::metadata(directory)?.permissions().mode();
    if mode & 0o022 != 0 {
        tracing::warn!(
            directory = %directory.display(),
            "others may write to the store's directory: they could remove the account records"
        );
    }
    let probe = directory.join(format!("probe-{:016x}", fastrand::u64(..)));
    let tried = try_lock(&probe).map(drop);
    // It may not exist.
    let _ = fs::remove_file(&probe);
    tried
}

fn make(directory: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

/// Opens a file for writing, and recreates its directory if it was removed.
fn in_directory(path: &Path, open: impl Fn() -> io::Result<File>) -> io::Result<File> {
    match (open(), path.parent()) {
        (Err(error), Some(directory)) if error.kind() == io::ErrorKind::NotFound => {
            make(directory)?;
            open()
        }
        (opened, _) => opened,
    }
}

/// Reads the record; `None` if there is none. One that is too long is cut, and so is damaged.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        // Reading a file of another kind may never end.
        data => {
            if !data?.is_file() {
                let why = format!("{} is not a regular file", path.display());
                return Err(io::Error::other(why));
            }
        }
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces the file as a whole, and syncs it to disk.
fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    // A killed process may have left one.
    let _ = fs::remove_file(temporary);
    let mut file = private().create_new(true).open(temporary)?;
    file.write_all(bytes)?;
    sync(&file, temporary)?;
    fs::rename(temporary, path)?;
    match path.parent() {
        Some(directory) => sync(&File::open(directory)?, directory),
        None => Ok(()),
    }
}

#[cfg(not(test))]
fn sync(file: &File, _: &Path) -> io::Result<()> {
    file.sync_all()
}

/// Takes the lock; `None` if it is held elsewhere.
fn try_lock(path: &Path) -> io::Result<Option<File>> {
    let file = in_directory(path, || private().create(true).truncate(false).open(path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}
