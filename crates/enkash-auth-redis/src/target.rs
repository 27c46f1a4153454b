use std::fmt;

use enkash_auth_core::{Error, ErrorKind};
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

/// The server and the credentials for it. Its `Debug` shows no password.
pub(crate) struct Target {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
    pub(crate) login: RedisConnectionInfo,
}

impl Target {
    /// Reads `redis://` and `rediss://`. Errors repeat nothing of the address: it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let unusable = |why| Error::new(ErrorKind::InvalidSetting, format!("redis address: {why}"));
        let (scheme, rest) = url
            .split_once("://")
            .ok_or_else(|| unusable("neither redis:// nor rediss://"))?;
        let is_tls = match scheme {
            "redis" => false,
            "rediss" => true,
            _ => return Err(unusable("neither redis:// nor rediss://")),
        };
        if is_tls && !cfg!(feature = "tls") {
            return Err(unusable("rediss:// needs the feature tls"));
        }
        if rest.contains('#') {
            return Err(unusable("it must not have a fragment"));
        }
        let info = format!("redis://{rest}")
            .into_connection_info()
            .map_err(|_| unusable("not host, port and database number"))?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else {
            return Err(unusable("not a host and a port"));
        };
        Ok(Self {
            host: host.clone(),
            port: *port,
            is_tls,
            login: info.redis_settings().clone(),
        })
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("is_tls", &self.is_tls)
            .field("database", &self.login.db())
            .finish_non_exhaustive()
    }
}
