//! A directory: what survives a restart.

use std::{
    convert::Infallible,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use enkash_auth_core::{Clock, ErrorKind};
use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{EnkashAuthLayer, FileStore, TokenCache, TokenEndpoint, TokenStore};
use http::Request;
use http_body_util::Full;
use tempfile::TempDir;
use tokio::{task::JoinSet, time::sleep};
use tower::Layer;

use super::Fleet;
use crate::{
    log::Log,
    support::{Kit, call, credentials, environment, grant, rules, user},
};

pub(super) fn fleet(kit: Kit) -> (Fleet<FileStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path().join("store")).unwrap();
    (Fleet::new(kit, store), directory)
}

#[tokio::test(start_paused = true)]
async fn a_restart_uses_the_stored_token() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let token = fleet.start("password").token().await.unwrap();
    sleep(Duration::from_secs(100)).await;
    let tokens = fleet.start("password");
    let stored = tokens.token().await.unwrap();
    assert_eq!(stored.expose(), token.expose());
    assert_eq!(stored.schedule().expiry(), token.schedule().expiry());
    assert_eq!(tokens.status().token_requests(), 0);
    // In its time it is renewed.
    sleep(Duration::from_secs(196)).await;
    let renewed = tokens.token().await.unwrap();
    assert_ne!(renewed.expose(), token.expose());
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_long_token_is_stored_as_well() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let user = user();
    let start = || {
        let long = tower::service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(grant(&"x".repeat(8_000), 300))
        });
        let endpoint =
            TokenEndpoint::with_service(environment(), credentials(&user, "password"), long);
        TokenCache::builder(endpoint.unwrap())
            .clock(fleet.clock)
            .store(Arc::clone(&fleet.store) as _)
            .build()
    };
    start().token().await.unwrap();
    let again = start();
    assert_eq!(again.token().await.unwrap().expose().len(), 8_000);
    assert_eq!(again.status().token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_sent_once_however_often_it_starts() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    for _ in 0..5 {
        let error = fleet.start("wrong").token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(fleet.requests(), 1);
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn two_on_one_directory_make_one_request() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 300)));
    let mut starting = JoinSet::new();
    for _ in 0..4 {
        let tokens = fleet.start("password");
        starting.spawn(async move { tokens.token().await.unwrap().expose().to_owned() });
    }
    let tokens = starting.join_all().await;
    assert!(tokens.iter().all(|token| *token == tokens[0]));
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_replaced_by_one_of_them_for_all() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let (one, two) = (fleet.start("password"), fleet.start("password"));
    let old = one.token().await.unwrap();
    two.token().await.unwrap();
    fleet.kit.issuer.revoke_all();
    for tokens in [one, two] {
        let service = SandboxService::new(fleet.kit.issuer.clone());
        let mut client = EnkashAuthLayer::new(tokens.clone()).layer(service);
        assert_eq!(call(&mut client).await.unwrap(), 401);
        assert_ne!(tokens.token().await.unwrap().expose(), old.expose());
        assert_eq!(call(&mut client).await.unwrap(), 200);
    }
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_for_all_who_share_it() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let quarantined = fleet.start("wrong");
    quarantined.token().await.unwrap_err();
    fleet.start("wrong too").token().await.unwrap_err();
    let right = fleet.start("password");
    assert_eq!(right.token().await.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(right.status().strikes(), 2);
    fleet.start("another").reset().await.unwrap();
    // It looks again every five seconds.
    sleep(Duration::from_secs(5)).await;
    right.token().await.unwrap();
    assert!(!fleet.kit.is_locked());
}

#[tokio::test(start_paused = true)]
async fn what_is_written_is_private_and_shows_no_secret() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("wrong-Ie3rV9").token().await.unwrap_err();
    let token = fleet.start("password").token().await.unwrap();
    let directory = fleet.store.directory();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(directory), 0o700);
    let mut kinds = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        kinds.push(path.extension().unwrap().to_str().unwrap().to_owned());
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let bytes = fs::read(&path).unwrap();
        for secret in [
            token.expose(),
            "wrong-Ie3rV9",
            "client-secret",
            &fleet.kit.user,
        ] {
            let shown = bytes
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!shown, "{secret} in {}", path.display());
        }
    }
    kinds.sort();
    assert_eq!(kinds, ["lease", "lock", "strikes", "token"]);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_attempt_is_a_mark_that_outlives_its_process() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10_000)));
    for possible in [1, 2] {
        let tokens = fleet.start("password");
        let attempt = tokio::spawn(tokens.token());
        sleep(Duration::from_secs(9)).await;
        attempt.await.unwrap().unwrap_err();
        assert_eq!(tokens.status().possible_strikes(), possible);
    }
    let error = fleet.start("password").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresolved);
    assert_eq!(fleet.requests(), 2);
    sleep(Duration::from_secs(15 * 60)).await;
    fleet
        .kit
        .issuer
        .change_rules(|rules| rules.delay(Duration::ZERO));
    fleet.start("password").token().await.unwrap();
}

#[test]
fn a_directory_that_cannot_be_used_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    for unusable in [file.clone(), file.join("below")] {
        let error = FileStore::open(&unusable).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        let named = unusable.to_str().unwrap();
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_lies_in_the_way_is_neither_followed_nor_kept() {
    let (fleet, directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("wrong").token().await.unwrap_err();
    let entries = fs::read_dir(fleet.store.directory()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let strikes = paths
        .find(|path| path.extension().is_some_and(|of| of == "strikes"))
        .unwrap();
    let temporary = strikes.with_extension("tmp");
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, "theirs").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &temporary).unwrap();
    fleet.start("any").reset().await.unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "theirs");

    fs::write(&temporary, "half of a rec").unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o644)).unwrap();
    fleet.start("password").token().await.unwrap();
    for entry in fs::read_dir(fleet.store.directory()).unwrap() {
        let path = entry.unwrap().path();
        let mode = fs::symlink_metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode, 0o100_600, "{}", path.display());
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_an_attempt_whose_process_was_killed() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 60_000)));
    let tokens = fleet.start("password");
    let attempt = tokio::spawn(tokens.token());
    sleep(Duration::from_secs(1)).await;
    // What a killed process leaves: a lease on the record, and nobody who holds its lock.
    let entries = fs::read_dir(fleet.store.directory()).unwrap();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|of| of == "lease") {
            fs::remove_file(path).unwrap();
        }
    }
    let other = fleet.start("password");
    other.reset().await.unwrap();
    let endpoint = fleet.kit.endpoint("password");
    let standing = fleet.store.load(endpoint.principal(), fleet.clock.now());
    assert_eq!(standing.await.unwrap().strikes.possible, 0);
    attempt.abort();
}

#[tokio::test(start_paused = true)]
async fn the_token_of_credentials_that_are_used_no_more_is_swept_away() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    let tokens = || {
        let entries = fs::read_dir(fleet.store.directory()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.extension().is_some_and(|of| of == "token"))
            .collect::<Vec<_>>()
    };
    let now = UNIX_EPOCH + Duration::from_nanos(fleet.clock.unix_nanos());
    for (hours, kept, company) in [(23, 2, "A"), (25, 1, "B")] {
        for path in tokens() {
            let file = fs::File::options().write(true).open(path).unwrap();
            let written = now - Duration::from_secs(hours * 60 * 60);
            file.set_modified(written).unwrap();
        }
        let other = fleet.start("any");
        let credentials = credentials(&fleet.kit.user, "password").company_id(company);
        other.set_credentials(credentials).unwrap();
        other.token().await.unwrap();
        assert_eq!(tokens().len(), kept);
    }
}

#[test]
fn a_directory_that_others_may_write_to_is_warned_of() {
    for (mode, expected) in [(0o700, false), (0o755, false), (0o720, true), (0o702, true)] {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        let log = Log::start();
        FileStore::open(directory.path()).unwrap();
        let said = log.text().contains("others may write");
        assert_eq!(said, expected, "{mode:o}");
    }
}
