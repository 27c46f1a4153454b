//! `FileStore`: what survives a restart.

use std::{
    convert::Infallible,
    env,
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{
    EnkashAuthLayer, ErrorKind, FileStore, Store, TokenEndpoint, TokenRequestBody,
};
use http::Request;
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tower::Layer;

use super::{Fleet, LOOK, strikes};
use crate::{
    log::Log,
    support::{Kit, YOUNG, call, credentials, environment, grant, rules, user},
};

pub(super) fn fleet(kit: Kit) -> (Fleet<FileStore>, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::open(directory.path().join("store")).unwrap();
    (Fleet::new(kit, store), directory)
}

#[tokio::test(start_paused = true)]
async fn restart_uses_the_stored_token() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let token = fleet.start("password").token().await.unwrap();
    sleep(Duration::from_secs(100)).await;
    let tokens = fleet.start("password");
    let stored = tokens.token().await.unwrap();
    assert_eq!(stored.expose(), token.expose());
    assert_eq!(stored.schedule().expiry(), token.schedule().expiry());
    assert_eq!(tokens.status().token_requests(), 0);
    // It is refreshed in its refresh window.
    sleep(Duration::from_secs(196)).await;
    let refreshed = tokens.token().await.unwrap();
    assert_ne!(refreshed.expose(), token.expose());
    assert_eq!(fleet.requests(), 2);
}

/// So that a program that changes its directory later does not lose its record.
#[test]
fn relative_directory_is_made_absolute() {
    let directory = tempfile::tempdir().unwrap();
    let here = env::current_dir().unwrap();
    let mut relative: PathBuf = here.components().skip(1).map(|_| "..").collect();
    relative.push(directory.path().strip_prefix("/").unwrap());
    let store = FileStore::open(&relative).unwrap();
    assert_eq!(store.directory(), here.join(relative));
}

/// While writers are waited for, others may always be sooner to take the lock.
#[tokio::test(start_paused = true)]
async fn write_that_comes_second_does_not_wait_for_the_lock() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let (store, account) = (&fleet.store, fleet.account());
    assert!(store.compare_and_set(&account, None, b"one").await.unwrap());
    let lock = store.directory().join(format!("{account:x}.lock"));
    let lock = File::open(lock).unwrap();
    lock.lock().unwrap();
    let second = store.compare_and_set(&account, None, b"two").await;
    assert!(!second.unwrap());
    let first = store.compare_and_set(&account, Some(b"one"), b"two").await;
    first.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn long_token_is_stored() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let user = user();
    let start = || {
        let long = tower::service_fn(|_: Request<TokenRequestBody>| async {
            Ok::<_, Infallible>(grant(&"x".repeat(8_000), 300))
        });
        let endpoint =
            TokenEndpoint::with_service(environment(), credentials(&user, "password"), long);
        fleet.builder(endpoint.unwrap()).build()
    };
    start().token().await.unwrap();
    let again = start();
    assert_eq!(again.token().await.unwrap().expose().len(), 8_000);
    assert_eq!(again.status().token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn wrong_password_is_sent_once_across_restarts() {
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
async fn processes_on_one_directory_share_one_request() {
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
async fn unauthorized_token_is_replaced_once_for_all_processes() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let (one, two) = (fleet.start("password"), fleet.start("password"));
    let old = one.token().await.unwrap();
    two.token().await.unwrap();
    sleep(YOUNG).await;
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
async fn reset_applies_to_all_processes_of_the_directory() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let quarantined = fleet.start("wrong");
    quarantined.token().await.unwrap_err();
    fleet.start("wrong too").token().await.unwrap_err();
    let right = fleet.start("password");
    let error = right.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert_eq!(strikes(&right), (2, 0));
    fleet.start("another").reset().await.unwrap();
    // It reloads the record every five seconds, give or take one.
    sleep(Duration::from_secs(6)).await;
    right.token().await.unwrap();
    assert!(!fleet.kit.is_locked());
}

#[tokio::test(start_paused = true)]
async fn files_are_private_and_show_no_secret() {
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
    assert_eq!(kinds, ["live", "lock", "record"]);
}

#[test]
fn error_names_unusable_directory_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("below");
    for (unusable, why) in [(file, "File exists"), (below, "Not a directory")] {
        let error = FileStore::open(&unusable).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        let expected = format!("store directory {}: {why}", unusable.display());
        assert!(error.to_string().contains(&expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn stale_temporary_file_is_neither_followed_nor_kept() {
    let (fleet, directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("wrong").token().await.unwrap_err();
    let temporary = format!("{:x}.tmp", fleet.account());
    let temporary = fleet.store.directory().join(temporary);
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

/// Leaves what a killed process does: an attempt on the record, and a file that is no longer locked.
fn kill(fleet: &Fleet<FileStore>) {
    let live = format!("{:x}.live", fleet.account());
    let live = fleet.store.directory().join(live);
    let owner = fs::read(&live).unwrap();
    fs::remove_file(&live).unwrap();
    fs::write(&live, owner).unwrap();
}

#[tokio::test(start_paused = true)]
async fn attempt_of_killed_process_does_not_block_fetch() {
    // A reset waits for the lease, within which the server may carry the attempt out.
    for (resets, longest) in [(false, 500), (true, 15_000)] {
        let (fleet, _directory) = fleet(Kit::new(rules(300, 60_000)));
        let tokens = fleet.start("password");
        let attempt = tokio::spawn(tokens.token());
        sleep(Duration::from_secs(1)).await;
        let start = Instant::now();
        let other = fleet.start("password");
        other.load_status().await.unwrap();
        assert_eq!(strikes(&other), (0, 0), "it is in flight");
        kill(&fleet);
        if resets {
            other.reset().await.unwrap();
            assert!(fleet.record().await.facts().attempts().is_empty());
        } else {
            fleet
                .kit
                .issuer
                .change_rules(|rules| rules.delay(Duration::ZERO));
            other.token().await.unwrap();
        }
        assert!(start.elapsed() < Duration::from_millis(longest));
        attempt.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn expired_token_is_removed_from_record() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let company = |id| credentials(&fleet.kit.user, "password").company_id(id);
    let endpoint = |id| {
        let tokens = fleet.start("any");
        tokens.set_credentials(company(id)).unwrap();
        tokens
    };
    for id in ["A", "B"] {
        endpoint(id).token().await.unwrap();
    }
    let record = fleet.record().await;
    assert!(["A", "B"].map(|id| record.token(&company(id)).is_some()) == [true; 2]);
    sleep(Duration::from_secs(301)).await;
    endpoint("B").token().await.unwrap();
    let record = fleet.record().await;
    assert!(["A", "B"].map(|id| record.token(&company(id)).is_some()) == [false, true]);
}

#[tokio::test(start_paused = true)]
async fn lock_held_too_long_loses_no_rejection() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 1_000)));
    let tokens = fleet.start("wrong");
    let rejected = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    // Held for longer than a call may take.
    let lock = format!("{:x}.lock", fleet.account());
    let lock = File::options()
        .write(true)
        .open(fleet.store.directory().join(lock))
        .unwrap();
    lock.try_lock().unwrap();
    let error = rejected.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    sleep(LOOK).await;
    drop(lock);
    sleep(LOOK).await;
    let error = fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
}

#[test]
fn directory_writable_by_others_logs_a_warning() {
    for (mode, expected) in [(0o700, false), (0o755, false), (0o720, true), (0o702, true)] {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(mode)).unwrap();
        let log = Log::start();
        FileStore::open(directory.path()).unwrap();
        let logged = log.text().contains("others may write");
        assert_eq!(logged, expected, "{mode:o}");
    }
}

#[tokio::test(start_paused = true)]
async fn call_timeout_of_a_directory_is_a_setting() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    let open = || FileStore::open(fleet.store.directory()).unwrap();
    for limit in [Duration::ZERO, Duration::from_millis(5_001)] {
        let error = open().call_timeout(limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    }
    let account = fleet.account();
    let lock = File::create(fleet.store.directory().join(format!("{account:x}.lock"))).unwrap();
    lock.try_lock().unwrap();
    for limit in [500, 3_000].map(Duration::from_millis) {
        let (store, start) = (open().call_timeout(limit).unwrap(), Instant::now());
        let written = store.compare_and_set(&account, None, b"record").await;
        assert!(written.is_err());
        assert!(start.elapsed() >= limit && start.elapsed() <= limit * 2);
    }
}
