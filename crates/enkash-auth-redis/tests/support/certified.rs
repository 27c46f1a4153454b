use std::{fs, path::PathBuf};

use enkash_auth_redis::RedisStore;
use tempfile::TempDir;

use super::server::{Server, free_port};

/// A server whose certificate is its own authority, for `localhost`.
pub(crate) struct Certified {
    _server: Server,
    directory: TempDir,
    port: u16,
}

impl Certified {
    /// Starts it; `clients` says whether they need a certificate.
    pub(crate) async fn start(clients: &str) -> Self {
        let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, pem: &str| {
            let path = directory.path().join(name);
            fs::write(&path, pem).unwrap();
            path.display().to_string()
        };
        let certificate = write("certificate", &certified.cert.pem());
        let key = write("key", &certified.signing_key.serialize_pem());
        let port = free_port();
        let args = [
            ["--tls-port", &port.to_string()],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &certificate],
            ["--tls-auth-clients", clients],
        ];
        Self {
            _server: Server::start(args.as_flattened()).await,
            directory,
            port,
        }
    }

    pub(crate) fn store(&self, host: &str) -> RedisStore {
        RedisStore::new(&self.url(host)).unwrap()
    }

    pub(crate) fn url(&self, host: &str) -> String {
        format!("rediss://{host}:{}", self.port)
    }

    /// Returns the files of the certificate and its key, in PEM.
    pub(crate) fn files(&self) -> [PathBuf; 2] {
        ["certificate", "key"].map(|name| self.directory.path().join(name))
    }
}
