use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

use enkash_auth_core::{
    AccountId, Grant, Moment,
    lifetime::Lifetime,
    strikes::{Bid, Ledger, Opening, Settlement, Unreadable},
};

use tokio::runtime::Handle;

use super::{disk, lease::Lease};
use crate::{
    BoxError,
    store::{Begin, Edition, Leave, Principal, Standing, StoredToken},
};

/// The files of one account. All but `load` are for whoever holds the lock.
#[derive(Clone)]
pub(super) struct Account {
    directory: PathBuf,
    id: AccountId,
}

impl Account {
    pub(super) fn new(directory: PathBuf, id: AccountId) -> Self {
        Self { directory, id }
    }

    /// `None` where somebody else has the lock.
    pub(super) fn try_lock(&self) -> io::Result<Option<disk::Locked>> {
        disk::try_lock(&self.file("lock"))
    }

    pub(super) fn load(&self, principal: &Principal, now: Moment) -> Result<Standing, BoxError> {
        let ledger = match self.read()? {
            None => return Ok(Standing::default()),
            Some(Ok(ledger)) => ledger,
            // What is to be done about it is for whoever writes.
            Some(Err(_)) => {
                return Ok(Standing::new(&Ledger::unreadable([0; 32], now), None));
            }
        };
        let token = self.token(principal, &ledger, now);
        Ok(Standing::new(&ledger, token))
    }

    pub(super) fn begin(
        &self,
        principal: &Principal,
        bid: &Bid,
        known: Option<Edition>,
        now: Moment,
    ) -> Result<Begin, BoxError> {
        let mut ledger = self.open(now)?;
        let token = self.token(principal, &ledger, now);
        if let Some(token) = token.filter(|token| token.edition().is_news_to(known)) {
            return Ok(Begin::Found(token));
        }
        let before = ledger.to_record(self.id);
        let lease = Lease::look(&self.file("lease"))?;
        if matches!(lease, Lease::Free(_)) {
            ledger.vacate();
        }
        let opening = ledger.begin(principal.ledger_fingerprint(ledger.salt()), bid, now);
        let begin = match opening {
            Opening::Busy => return Ok(Begin::Busy),
            Opening::Denied(error) => Begin::Denied(error),
            Opening::Granted(attempt) => {
                let locked = lease.take(&self.file("lease"))?;
                let leave = Leave::new(attempt, Edition::new(&ledger, &attempt));
                let own = Leave::new(attempt, leave.edition());
                let (account, principal) = (self.clone(), principal.clone());
                Begin::Granted(leave.or_else(move |ended| {
                    account.left(principal, own, ended, now, locked);
                }))
            }
        };
        // Who is denied looks again every few seconds: that need not write.
        if ledger.to_record(self.id) != before {
            self.write(&ledger)?;
        }
        Ok(begin)
    }

    /// The leave of an attempt that `ended` so was dropped before that was told. A refusal is, before
    /// the lease ends: else the next one would send the same password again. What nobody knows of is on
    /// the record already.
    fn left(
        self,
        principal: Principal,
        leave: Leave,
        ended: Settlement,
        now: Moment,
        lease: disk::Locked,
    ) {
        if !matches!(ended, Settlement::Rejected(_)) {
            return;
        }
        let tell = move || {
            if let Ok(Some(lock)) = self.try_lock() {
                // If that fails, too, it is on the record as one of which nobody knows.
                let _ = self.finish(&principal, &leave, ended, None, now);
                drop(lock);
            }
            drop(lease);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(tell)),
            Err(_) => tell(),
        }
    }

    pub(super) fn finish(
        &self,
        principal: &Principal,
        leave: &Leave,
        settlement: Settlement,
        grant: Option<&Grant>,
        now: Moment,
    ) -> Result<Standing, BoxError> {
        let mut ledger = self.open(now)?;
        let is_known = leave.settle(&mut ledger, principal, settlement, now);
        let mut token = self.token(principal, &ledger, now);
        let held = token.as_ref().map(StoredToken::edition);
        if let Some(grant) = grant.filter(|_| is_known)
            && let Some(fresh) = leave.news(grant, held)
        {
            let sealed = principal.seal(&fresh, now, now.unix_nanos())?;
            let file = self.token_file(principal, &ledger);
            match self.replace(&file, &sealed) {
                Ok(()) => token = Some(fresh),
                // That the password was good is on the record all the same.
                Err(why) => self.unusable(&file, &why),
            }
            self.sweep(now);
        }
        self.write(&ledger)?;
        Ok(Standing::new(&ledger, token))
    }

    pub(super) fn reset(&self, now: Moment) -> Result<(), BoxError> {
        let mut ledger = self.open(now)?;
        if matches!(Lease::look(&self.file("lease"))?, Lease::Free(_)) {
            ledger.vacate();
        }
        ledger.reset(now);
        self.write(&ledger)
    }

    /// The ledger. One that cannot be read is kept beside, and counts as one possible strike.
    fn open(&self, now: Moment) -> Result<Ledger, BoxError> {
        let read = self.read()?;
        if let Some(Ok(ledger)) = read {
            return Ok(ledger);
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt)?;
        let Some(Err(why)) = read else {
            return Ok(Ledger::new(salt));
        };
        let (file, bad) = (self.file("strikes"), self.file("strikes.bad"));
        tracing::warn!(
            account = %self.id, file = %file.display(), kept_as = %bad.display(), %why,
            "the record of attempts cannot be read: it counts as one possible strike"
        );
        let ledger = Ledger::unreadable(salt, now);
        disk::keep(&file, &self.file("tmp"), &bad)?;
        self.write(&ledger)?;
        Ok(ledger)
    }

    fn read(&self) -> Result<Option<Result<Ledger, Unreadable>>, BoxError> {
        let bytes = disk::read(&self.file("strikes"))?;
        Ok(bytes.map(|bytes| {
            let text = std::str::from_utf8(&bytes).map_err(|_| Unreadable::Damaged)?;
            Ledger::from_record(self.id, text)
        }))
    }

    fn write(&self, ledger: &Ledger) -> Result<(), BoxError> {
        let record = ledger.to_record(self.id);
        Ok(self.replace(&self.file("strikes"), record.as_bytes())?)
    }

    /// The token of `principal`. One that cannot be read or used is none, and is overwritten one day.
    fn token(&self, principal: &Principal, ledger: &Ledger, now: Moment) -> Option<StoredToken> {
        let file = self.token_file(principal, ledger);
        let sealed = match disk::read(&file) {
            Ok(sealed) => sealed?,
            Err(why) => {
                self.unusable(&file, &why);
                return None;
            }
        };
        principal
            .open(&sealed, now, now.unix_nanos())
            .inspect_err(|why| self.unusable(&file, why))
            .ok()
    }

    fn unusable(&self, file: &Path, why: &dyn fmt::Display) {
        tracing::warn!(
            account = %self.id, file = %file.display(), %why,
            "the stored token cannot be used"
        );
    }

    /// Removes the tokens of credentials that are used no more, which are over by now. What cannot be
    /// removed stays: it is of no use.
    fn sweep(&self, now: Moment) {
        let now = Duration::from_nanos(now.unix_nanos());
        let is_stale = |entry: &fs::DirEntry| {
            let written = entry.metadata().and_then(|data| data.modified()).ok();
            let written = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
            written.is_some_and(|at| at + Lifetime::LONGEST < now)
        };
        let prefix = format!("{:x}-", self.id);
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(&prefix) && is_stale(&entry) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn replace(&self, file: &Path, bytes: &[u8]) -> io::Result<()> {
        disk::replace(file, &self.file("tmp"), bytes)
    }

    fn token_file(&self, principal: &Principal, ledger: &Ledger) -> PathBuf {
        let label = principal.label(ledger.salt());
        self.directory.join(format!("{:x}-{label}.token", self.id))
    }

    fn file(&self, what: &str) -> PathBuf {
        self.directory.join(format!("{:x}.{what}", self.id))
    }
}
