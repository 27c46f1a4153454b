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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_a_port_and_a_database() {
        let target = Target::parse("redis://user:hunter2@cache.example:7000/3").unwrap();
        assert_eq!((&*target.host, target.port), ("cache.example", 7000));
        assert_eq!(target.login.db(), 3);
        assert!(!target.is_tls);
        assert_eq!(Target::parse("redis://cache").unwrap().port, 6379);
        assert!(!format!("{target:?}").contains("hunter2"));
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_is_asked_for_by_the_scheme() {
        assert!(Target::parse("rediss://cache").unwrap().is_tls);
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for url in [
            "",
            "hunter2",
            "http://:hunter2@host",
            "redis://",
            "redis://:hunter2@",
            "redis://:hunter2@host/x",
            "redis://:hunter2@host:hunter2",
            "redis://:hunter2@host#insecure",
            "redis+unix:///hunter2",
        ] {
            let error = Target::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{url}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
