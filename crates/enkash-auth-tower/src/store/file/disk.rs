use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

/// A file that is locked until it is dropped, or its process is gone.
pub(super) type Locked = Flock<File>;

/// No file of ours is longer.
const LONGEST: u64 = 64 * 1024;

/// The whole file, `None` where there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Replaces the file as a whole: who reads it, or finds it after a crash, has the old or the new.
pub(super) fn replace(path: &Path, temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    clear(temporary)?;
    let mut file = private().create_new(true).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(temporary, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Keeps a copy of the file, in place of what is there.
pub(super) fn keep(path: &Path, temporary: &Path, copy: &Path) -> io::Result<()> {
    clear(temporary)?;
    fs::copy(path, temporary)?;
    fs::rename(temporary, copy)
}

/// Removes what a crash left there, or somebody put there: a link would be followed, and a mode kept.
fn clear(temporary: &Path) -> io::Result<()> {
    match fs::remove_file(temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Locks the file, which is made if need be; `None` where somebody else has it.
pub(super) fn try_lock(path: &Path) -> io::Result<Option<Locked>> {
    match Flock::lock(private().open(path)?, FlockArg::LockExclusiveNonblock) {
        Ok(locked) => Ok(Some(locked)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, errno)) => Err(errno.into()),
    }
}

/// For writing, made if need be, for nobody but its owner.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
}
