use std::{fs, io, path::Path};

use super::disk::{self, Locked};

/// The lease of an account, as the kernel sees it: a lock that is free once its holder is gone.
pub(super) enum Lease {
    /// Nobody has it: this is it.
    Free(Locked),
    /// Somebody is alive who has it.
    Held,
}

impl Lease {
    pub(super) fn look(path: &Path) -> io::Result<Self> {
        Ok(disk::try_lock(path)?.map_or(Self::Held, Self::Free))
    }

    /// Has it, whoever had it before: that one's is a file without a name from now on.
    pub(super) fn take(self, path: &Path) -> io::Result<Locked> {
        if let Self::Free(locked) = self {
            return Ok(locked);
        }
        fs::remove_file(path)?;
        let taken = disk::try_lock(path)?;
        taken.ok_or_else(|| io::ErrorKind::WouldBlock.into())
    }
}
