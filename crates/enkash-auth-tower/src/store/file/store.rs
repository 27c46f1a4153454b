use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use enkash_auth_core::{
    AccountId, Error, ErrorKind, Grant, Moment,
    strikes::{Bid, Settlement},
};
use tokio::{task::spawn_blocking, time::sleep};

use super::{account::Account, disk};
use crate::{
    BoxError,
    store::{Begin, Edition, Leave, Principal, Standing, StoreFuture, TokenStore},
};

/// How often a lock is tried that somebody else has, for as long as it takes to write a file.
const LOCK_POLL: Duration = Duration::from_millis(5);

/// A store in a directory, for the processes of one host: they share a token and one record of
/// attempts, across restarts.
///
/// Tokens are sealed under a key that takes all the secrets to derive; the record of attempts shows
/// none and no names. Both are private to their owner. The lease of a process that is killed is free
/// at once. The directory must be on a local file system.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use enkash_auth_core::{Credentials, Environment};
/// use enkash_auth_tower::{FileStore, TokenCache, TokenEndpoint};
///
/// let keys = Credentials::merchant("access-key", "secret-key");
/// let tokens = TokenCache::builder(TokenEndpoint::new(Environment::Test, keys)?)
///     .store(Arc::new(FileStore::open("/var/lib/payouts/tokens")?))
///     .build();
/// # Ok::<(), enkash_auth_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileStore {
    directory: PathBuf,
}

impl FileStore {
    /// The store in `directory`, which is made if need be. Blocks for a moment.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidSetting`] where that is no directory, or cannot be written to.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        prepare(&directory).map_err(|error| {
            let detail = format!("store directory {}", directory.display());
            Error::new(ErrorKind::InvalidSetting, detail).with_source(error)
        })?;
        Ok(Self { directory })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs `work` on the files of the account, under its lock.
    async fn locked<T>(
        &self,
        id: AccountId,
        work: impl FnOnce(&Account) -> Result<T, BoxError> + Send + 'static,
    ) -> Result<T, BoxError>
    where
        T: Send + 'static,
    {
        let account = self.account(id);
        let lock = loop {
            let account = account.clone();
            match spawn_blocking(move || account.try_lock()).await?? {
                Some(lock) => break lock,
                None => sleep(LOCK_POLL).await,
            }
        };
        spawn_blocking(move || {
            let done = work(&account);
            drop(lock);
            done
        })
        .await?
    }

    fn account(&self, id: AccountId) -> Account {
        Account::new(self.directory.clone(), id)
    }
}

impl TokenStore for FileStore {
    fn load<'a>(&'a self, principal: &'a Principal, now: Moment) -> StoreFuture<'a, Standing> {
        let (account, principal) = (self.account(principal.account()), principal.clone());
        Box::pin(async move { spawn_blocking(move || account.load(&principal, now)).await? })
    }

    fn begin<'a>(
        &'a self,
        principal: &'a Principal,
        bid: Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> StoreFuture<'a, Begin> {
        let own = principal.clone();
        let work = move |account: &Account| account.begin(&own, &bid, known, now);
        Box::pin(self.locked(principal.account(), work))
    }

    fn finish<'a>(
        &'a self,
        principal: &'a Principal,
        leave: &'a Leave,
        settlement: Settlement,
        grant: Option<&'a Grant>,
        now: Moment,
    ) -> StoreFuture<'a, Standing> {
        let (own, grant) = (principal.clone(), grant.cloned());
        let leave = Leave::new(leave.attempt(), leave.edition());
        let work =
            move |account: &Account| account.finish(&own, &leave, settlement, grant.as_ref(), now);
        Box::pin(self.locked(principal.account(), work))
    }

    fn reset(&self, id: AccountId, now: Moment) -> StoreFuture<'_, ()> {
        Box::pin(self.locked(id, move |account| account.reset(now)))
    }
}

/// Makes the directory, and sees that files can be written and locked in it.
fn prepare(directory: &Path) -> io::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    let mode = fs::metadata(directory)?.permissions().mode();
    if mode & 0o022 != 0 {
        tracing::warn!(
            directory = %directory.display(),
            "others may write to the store's directory: they could remove the record of attempts"
        );
    }
    let probe = directory.join(format!("probe-{:016x}", fastrand::u64(..)));
    let tried = disk::try_lock(&probe).map(drop);
    // It may not be there.
    let _ = fs::remove_file(&probe);
    tried
}
