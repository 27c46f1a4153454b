use std::{fmt, path::PathBuf};

use enkash_auth_tower::BoxError;
use redis::{ConnectionAddr, RedisError};

/// The address of one process of the server.
#[derive(Clone, Eq, Hash, PartialEq)]
pub(crate) enum Node {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// Where a node of a cluster sends a call: the slot of its key is elsewhere.
#[derive(Debug)]
pub(crate) struct Redirection {
    pub(crate) node: Node,
    /// Whether for this call alone, because the slot is being moved.
    pub(crate) is_asking: bool,
}

impl Node {
    /// Returns the address that `redis` has parsed, unless it is of another kind.
    pub(crate) fn new(address: &ConnectionAddr) -> Option<Self> {
        match address {
            ConnectionAddr::Tcp(host, port) => Some(Self::Tcp(host.clone(), *port)),
            ConnectionAddr::Unix(path) => Some(Self::Unix(path.clone())),
            _ => None,
        }
    }

    /// Returns where this node sends a call by failing it with `error`.
    pub(crate) fn redirection(&self, error: &BoxError) -> Option<Redirection> {
        let error: &RedisError = error.downcast_ref()?;
        let errors = error.clone().into_server_errors()?;
        let (_, error) = errors.first()?;
        let is_asking = match error.code() {
            "ASK" => true,
            "MOVED" => false,
            _ => return None,
        };
        let (_slot, address) = error.details()?.split_once(' ')?;
        let (host, port) = address.rsplit_once(':')?;
        let host = match self {
            // A server that does not know its own name leaves it out.
            Self::Tcp(own, _) if host.is_empty() => own,
            _ => host,
        };
        let node = Self::Tcp(host.to_owned(), port.parse().ok()?);
        Some(Redirection { node, is_asking })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => path.fmt(f),
        }
    }
}

/// Returns the slot of the keys with the hash tag `tag`: its CRC16 (XMODEM) among 16,384.
pub(crate) fn slot(tag: &[u8]) -> u16 {
    let shift = |crc: u16| (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 };
    let crc = tag.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| shift(crc))
    });
    crc % 16_384
}

#[cfg(test)]
#[path = "../tests/unit/node.rs"]
mod tests;
