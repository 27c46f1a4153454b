//! A disk that cannot sync, before a record is renamed and after.

use std::{
    convert::Infallible,
    sync::atomic::{AtomicU32, Ordering},
};

use enkash_auth_core::{Client, Credentials, Environment, ManualClock, User};
use http::{Request, Response};

use super::*;
use crate::{TokenCache, TokenEndpoint, TokenRequestBody, attempts::Process};

const GRANT: &str = r#"{"access_token":"one","token_type":"bearer","expires_in":300}"#;

/// Syncs a file of a store, or its directory, unless that contains a file of this name.
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    let (directory, fault) = match path.is_dir() {
        true => (path, FAULTS[1]),
        false => (path.parent().unwrap(), FAULTS[0]),
    };
    match directory.join(fault).exists() {
        true => Err(io::Error::other(fault)),
        false => file.sync_all(),
    }
}

const FAULTS: [&str; 2] = ["cannot sync files", "cannot sync the directory"];

#[tokio::test(start_paused = true)]
async fn two_failed_syncs_are_cleared_after_the_fault() {
    for fault in FAULTS {
        let directory = tempfile::tempdir().unwrap();
        let requests = Arc::new(AtomicU32::new(0));
        let service = tower::service_fn({
            let requests = Arc::clone(&requests);
            move |_: Request<TokenRequestBody>| {
                requests.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, Infallible>(Response::new(GRANT.to_owned())) }
            }
        });
        let credentials = Credentials::password(
            Client::new("client-id", "secret"),
            User::new("user", "password"),
        );
        let environment = Environment::custom("http://localhost").unwrap();
        let endpoint = TokenEndpoint::with_service(environment, credentials, service).unwrap();
        let clock = ManualClock::new();
        let tokens = TokenCache::builder(endpoint)
            .clock(clock.clone())
            .process(Process::new())
            .store(FileStore::open(directory.path()).unwrap())
            .build();
        fs::write(directory.path().join(fault), "").unwrap();
        for _ in 0..2 {
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable, "{error:?}");
            clock.advance(Duration::from_secs(2));
        }
        assert_eq!(requests.load(Ordering::Relaxed), 0);
        fs::remove_file(directory.path().join(fault)).unwrap();
        tokens.token().await.unwrap();
        let status = tokens.status();
        assert_eq!((status.strikes(), status.unresolved_attempts()), (0, 0));
        assert_eq!(requests.load(Ordering::Relaxed), 1);
    }
}
