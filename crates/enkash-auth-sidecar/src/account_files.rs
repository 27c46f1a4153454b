use std::{
    collections::BTreeMap,
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use enkash_auth_tower::{
    Accounts, BoxError, Config as Settings, Credentials, Error, ErrorKind, RequestView,
};
use http::HeaderName;
use tokio::{task::spawn_blocking, time::sleep};
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The header in which a caller names the account. It is not forwarded.
pub(crate) const ACCOUNT: HeaderName = HeaderName::from_static("x-enkash-account");

const FLAG: &str = "--accounts";

/// How often changed files are looked for. One is used once it has not changed for as long.
const PERIOD: Duration = Duration::from_secs(2);

/// The variables that a file may have.
const VARIABLES: [&str; 12] = [
    "ENKASH_CLIENT_ID",
    "ENKASH_CLIENT_SECRET",
    "ENKASH_CLIENT_SECRET_FILE",
    "ENKASH_USERNAME",
    "ENKASH_PASSWORD",
    "ENKASH_PASSWORD_FILE",
    "ENKASH_COMPANY_ID",
    "ENKASH_ACCESS_KEY",
    "ENKASH_ACCESS_KEY_FILE",
    "ENKASH_SECRET_KEY",
    "ENKASH_SECRET_KEY_FILE",
    "ENKASH_API_KEY",
];

/// A directory with a file for each account, whose name is the account's id.
///
/// A file has the account's credentials as `NAME=VALUE` lines; blank ones and those with `#` are skipped.
pub(crate) struct AccountFiles(PathBuf);

/// By id, when a file was written, and how long it is.
type Versions = BTreeMap<String, (Option<SystemTime>, u64)>;

impl AccountFiles {
    pub(crate) fn new(directory: PathBuf) -> Arc<Self> {
        Arc::new(Self(directory))
    }

    /// Returns the id of the account that a request names.
    pub(crate) fn select(request: &mut RequestView<'_>) -> Option<String> {
        Some(request.take_header(ACCOUNT)?.to_str().ok()?.to_owned())
    }

    /// Reads the credentials of an account.
    pub(crate) fn credentials(&self, id: &str) -> Result<Credentials, BoxError> {
        let read = match is_id(id) {
            true => fs::read_to_string(self.0.join(id)),
            false => Err(io::ErrorKind::NotFound.into()),
        };
        let text = match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::new(ErrorKind::NoAccount, "it has no file").into());
            }
            read => Zeroizing::new(read?),
        };
        let mut values = BTreeMap::new();
        let is_set = |line: &&str| !line.trim().is_empty() && !line.starts_with('#');
        for line in text.lines().filter(is_set) {
            let (name, value) = line.split_once('=').unwrap_or_default();
            // The line may be a secret.
            let Some(name) = VARIABLES.iter().find(|known| **known == name) else {
                return Err("a line does not begin with a variable of credentials".into());
            };
            if values.insert(*name, value).is_some() {
                return Err(format!("{name}: set twice").into());
            }
        }
        let settings = Settings::from_lookup(|name| values.get(name).map(Into::into))?;
        Ok(settings.credentials()?)
    }

    /// Returns whether the accounts have merchant keys, as the first has whose file can be read.
    pub(crate) fn are_merchants(&self) -> Result<bool, Failure> {
        let ids = self.ids().map_err(|error| Failure::setting(FLAG, error))?;
        let read = |id: &String| match self.credentials(id) {
            Ok(credentials) => Some(credentials.is_merchant()),
            Err(error) => {
                tracing::warn!(account = id, %error, "the file of an account cannot be used");
                None
            }
        };
        let first = ids.iter().find_map(read);
        first.ok_or_else(|| Failure::setting(FLAG, "no file with credentials"))
    }

    /// Returns the ids of all accounts, in order.
    pub(crate) fn ids(&self) -> io::Result<Vec<String>> {
        Ok(self.versions()?.into_keys().collect())
    }

    /// Lets the accounts use what changes in their files.
    pub(crate) async fn watch(self: Arc<Self>, accounts: Accounts<String>) {
        let mut seen = Seen {
            used: self.versions().unwrap_or_default(),
            ..Seen::default()
        };
        loop {
            sleep(PERIOD).await;
            let files = Arc::clone(&self);
            let Ok(Ok(found)) = spawn_blocking(move || files.versions()).await else {
                tracing::warn!("failed to read the directory of accounts");
                continue;
            };
            let (gone, changed) = seen.update(found);
            for id in &gone {
                accounts.forget(id);
            }
            for id in &changed {
                match accounts.credentials_changed(id).await {
                    Ok(()) => tracing::info!(account = id, "read a changed file"),
                    Err(error) => {
                        tracing::warn!(account = id, %error, "a changed file is not used");
                    }
                }
            }
        }
    }

    fn versions(&self) -> io::Result<Versions> {
        let mut versions = BTreeMap::new();
        for entry in fs::read_dir(&self.0)? {
            let Ok(id) = entry?.file_name().into_string() else {
                continue;
            };
            // A link is followed: a Secret of Kubernetes has some.
            let file = fs::metadata(self.0.join(&id));
            if let Some(file) = file.ok().filter(|file| file.is_file() && is_id(&id)) {
                versions.insert(id, (file.modified().ok(), file.len()));
            }
        }
        Ok(versions)
    }
}

/// Which versions of the files are in use, and which were there the last time.
#[derive(Default)]
struct Seen {
    used: Versions,
    last: Versions,
}

impl Seen {
    /// Returns the ids of files that are gone, which a call may have used nevertheless; and of those to read, which
    /// are new or changed, and as they were the last time.
    fn update(&mut self, found: Versions) -> (Vec<String>, Vec<String>) {
        let known = self.used.keys().chain(self.last.keys());
        let gone = known.filter(|id| !found.contains_key(*id)).cloned();
        let gone = gone.collect();
        self.used.retain(|id, _| found.contains_key(id));
        let mut changed = found.clone();
        changed.retain(|id, version| {
            self.used.get(id) != Some(version) && self.last.get(id) == Some(version)
        });
        self.used.extend(changed.clone());
        self.last = found;
        (gone, changed.into_keys().collect())
    }
}

/// Returns whether `id` may name an account, and so a file.
fn is_id(id: &str) -> bool {
    let is_usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    (1..=128).contains(&id.len()) && !id.starts_with('.') && id.bytes().all(is_usable)
}

#[cfg(test)]
#[path = "../tests/unit/account_files.rs"]
mod tests;
