#[cfg(unix)]
use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};
use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixSocket, UnixStream};

use crate::address::{Address, Io};

/// How many connections to a Unix socket may wait to be accepted.
#[cfg(unix)]
const BACKLOG: u32 = 1_024;

/// A connection, and its local address if it has one.
pub(crate) type Accepted = (Box<dyn Io>, Option<SocketAddr>);

/// A bound TCP or Unix socket.
pub(crate) struct Listener {
    address: Address,
    socket: Socket,
}

enum Socket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix {
        // Removed while the socket still listens: after that, another process may have its own there.
        file: SocketFile,
        listener: UnixListener,
    },
}

impl Listener {
    /// Binds `address`. A Unix socket gets the permissions `mode` before anything can connect, and replaces
    /// one to which nothing listens.
    pub(crate) async fn bind(address: &Address, mode: u32) -> io::Result<Self> {
        match address {
            Address::Tcp(address) => {
                let listener = TcpListener::bind(address).await?;
                Ok(Self {
                    address: Address::Tcp(listener.local_addr()?),
                    socket: Socket::Tcp(listener),
                })
            }
            #[cfg(unix)]
            Address::Unix(path) => {
                SocketFile::remove_stale(address, path).await?;
                let socket = UnixSocket::new_stream()?;
                socket.bind(path)?;
                let file = SocketFile(path.clone());
                fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
                Ok(Self {
                    address: address.clone(),
                    socket: Socket::Unix {
                        file,
                        listener: socket.listen(BACKLOG)?,
                    },
                })
            }
            #[cfg(not(unix))]
            Address::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    /// Returns the bound address.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Accepts a connection.
    ///
    /// # Cancel safety
    ///
    /// No connection is lost.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Tcp(listener) => over_tcp(listener.accept().await?.0),
            #[cfg(unix)]
            Socket::Unix { listener, .. } => Ok((Box::new(listener.accept().await?.0), None)),
        }
    }

    /// Stops listening. Returns the connections that have not been accepted yet: the callers consider them
    /// established, and may have sent a request.
    pub(crate) fn close(self) -> io::Result<Vec<Accepted>> {
        let mut accepted = Vec::new();
        match self.socket {
            Socket::Tcp(listener) => {
                let listener = listener.into_std()?;
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    accepted.extend(over_tcp(TcpStream::from_std(stream)?));
                }
            }
            #[cfg(unix)]
            Socket::Unix { file, listener } => {
                drop(file);
                let listener = listener.into_std()?;
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nonblocking(true)?;
                    accepted.push((Box::new(UnixStream::from_std(stream)?), None));
                }
            }
        }
        Ok(accepted)
    }
}

fn over_tcp(stream: TcpStream) -> io::Result<Accepted> {
    // Without it, responses are only slower.
    let _ = stream.set_nodelay(true);
    let local = stream.local_addr()?;
    Ok((Box::new(stream), Some(local)))
}

/// The file of a Unix socket, removed on drop.
#[cfg(unix)]
struct SocketFile(PathBuf);

#[cfg(unix)]
impl SocketFile {
    /// Removes what a killed process has left. If something else is there, binding fails and says so.
    async fn remove_stale(address: &Address, path: &Path) -> io::Result<()> {
        let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
        let has_no_listener = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        if is_socket && address.connect().await.is_err_and(has_no_listener) {
            fs::remove_file(path)?;
        }
        Ok(())
    }
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        // If it cannot be removed, the next process replaces it.
        let _ = fs::remove_file(&self.0);
    }
}
