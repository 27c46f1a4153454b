use std::{fmt, io, net::SocketAddr, path::PathBuf, str::FromStr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// The bytes of a connection, over TCP or a Unix socket.
pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Where a listener is: `HOST:PORT` or `unix:PATH`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// Returns whether a process of another user or host could connect.
    pub(crate) fn is_open(&self, socket_mode: u32) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            // To connect takes the right to write.
            Self::Unix(_) => socket_mode & 0o022 != 0,
        }
    }

    /// Connects. Returns also what to name in `Host`.
    pub(crate) async fn connect(&self) -> io::Result<(Box<dyn Io>, String)> {
        match self {
            // An unspecified address means this machine.
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                Ok((Box::new(stream), address.to_string()))
            }
            #[cfg(unix)]
            Self::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok((Box::new(stream), "localhost".to_owned()))
            }
            #[cfg(not(unix))]
            Self::Unix(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        match text.strip_prefix("unix:") {
            Some("") => Err("unix: requires a path"),
            Some(path) => Ok(Self::Unix(path.into())),
            None => text
                .parse()
                .map(Self::Tcp)
                .map_err(|_| "neither IP:PORT nor unix:PATH"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "http://{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}
