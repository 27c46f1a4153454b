//! Damaged records close the account; a record of a newer format is left untouched.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf, time::Duration};

use enkash_auth_tower::{ErrorKind, FileStore, OnStoreDown};
use tokio::time::{advance, sleep};

use super::{Fleet, LOOK, file::fleet, strikes};
use crate::support::{Kit, rules};

fn record(fleet: &Fleet<FileStore>) -> PathBuf {
    let file = format!("{:x}.record", fleet.account());
    fleet.store.directory().join(file)
}

/// Returns damaged versions of a record.
fn damaged(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut changed = bytes.to_vec();
    changed[bytes.len() / 2] ^= 1;
    let older = String::from_utf8(bytes.to_vec()).unwrap();
    vec![
        ("empty", Vec::new()),
        ("torn", bytes[..bytes.len() / 2].to_vec()),
        ("short", bytes[..bytes.len() - 1].to_vec()),
        ("changed", changed),
        ("foreign", b"\0\xff nothing of ours".to_vec()),
        (
            "older",
            older.replacen("record 1", "record 0", 1).into_bytes(),
        ),
        ("huge", bytes.repeat(1_000)),
    ]
}

/// With no strikes, and with two.
#[tokio::test(start_paused = true)]
async fn damaged_record_closes_account_until_reset() {
    for rejected in [0, 2] {
        for nth in 0..7 {
            let (fleet, _directory) = fleet(Kit::new(rules(60, 10)));
            let live = fleet.start("password");
            live.token().await.unwrap();
            for wrong in ["one", "two"].iter().take(rejected) {
                fleet.start(wrong).token().await.unwrap_err();
            }
            let (requests, path) = (fleet.requests(), record(&fleet));
            let (how, bytes) = damaged(&fs::read(&path).unwrap()).swap_remove(nth);
            fs::write(&path, &bytes).unwrap();
            for _ in 0..3 {
                let tokens = fleet.start("password");
                let error = tokens.token().await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::AccountClosed, "{how}");
                assert!(strikes(&tokens).1 >= 2, "{how}");
            }
            // A cached token is served until its deadline.
            live.token().await.unwrap();
            advance(Duration::from_secs(24 * 60 * 60)).await;
            let error = live.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccountClosed, "{how}");
            assert_eq!(fleet.requests(), requests, "{how}");
            live.reset().await.unwrap();
            live.token().await.unwrap();
            fleet.start("password").token().await.unwrap();
            assert_eq!(fleet.requests(), requests + 1, "{how}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn newer_record_format_is_unavailable_and_untouched() {
    for on_store_down in [
        OnStoreDown::KnownGood,
        OnStoreDown::Hold,
        OnStoreDown::Attempt,
    ] {
        let (fleet, _directory) = fleet(Kit::new(rules(60, 10)));
        let live = fleet.when_down("password", on_store_down);
        live.token().await.unwrap();
        for wrong in ["one", "two"] {
            fleet.start(wrong).token().await.unwrap_err();
        }
        let path = record(&fleet);
        let text = fs::read_to_string(&path).unwrap();
        let newer = text.replacen("record 1", "record 2", 1);
        fs::write(&path, &newer).unwrap();
        // A cached token is served until its deadline.
        live.token().await.unwrap();
        for wait in [Duration::ZERO, Duration::from_secs(60), LOOK] {
            sleep(wait).await;
            let fresh = fleet.when_down("password", on_store_down);
            for tokens in [&fresh, &live] {
                tokens.reset().await.unwrap_err();
                tokens.allow_rejected().await.unwrap_err();
            }
            let error = fresh.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        }
        let error = live.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
        assert_eq!(fleet.requests(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), newer);
        // Without the newer release, the old record holds again.
        fs::write(&path, text).unwrap();
        let error = fleet.start("third").token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AccountClosed);
    }
}

#[tokio::test(start_paused = true)]
async fn record_of_another_account_counts_as_damaged() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    let (other, _other) = self::fleet(Kit::new(rules(300, 10)));
    fs::copy(record(&fleet), record(&other)).unwrap();
    let tokens = other.start("password");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccountClosed);
    assert_eq!((strikes(&tokens), other.requests()), ((0, 2), 0));
}

#[tokio::test(start_paused = true)]
async fn record_that_is_a_directory_means_store_unavailable() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    fs::remove_file(record(&fleet)).unwrap();
    fs::create_dir(record(&fleet)).unwrap();
    let error = fleet.start("password").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn removed_directory_is_recreated() {
    let (fleet, _directory) = fleet(Kit::new(rules(60, 10)));
    let live = fleet.start("password");
    live.token().await.unwrap();
    for requests in [2, 3] {
        fs::remove_dir_all(fleet.store.directory()).unwrap();
        sleep(Duration::from_secs(60)).await;
        live.token().await.unwrap();
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests);
    }
}
