//! Files that are not as they were written: each is a miss, and loses no strike.
#![cfg(unix)]
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf, time::Duration};

use enkash_auth_core::ErrorKind;
use enkash_auth_tower::FileStore;
use tokio::time::sleep;

use super::{Fleet, file::fleet};
use crate::support::{Kit, TokioClock, rules};

fn file(fleet: &Fleet<FileStore>, kind: &str) -> PathBuf {
    let entries = fs::read_dir(fleet.store.directory()).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    paths
        .find(|path| path.extension().is_some_and(|of| of == kind))
        .unwrap()
}

/// Ways in which a file can be spoilt.
fn spoilt(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut tampered = bytes.to_vec();
    tampered[bytes.len() / 2] ^= 1;
    let mut newer = bytes.to_vec();
    let version = bytes
        .iter()
        .position(|byte| [1, b'1'].contains(byte))
        .unwrap();
    newer[version] += 1;
    vec![
        ("empty", Vec::new()),
        ("torn", bytes[..bytes.len() / 2].to_vec()),
        ("short", bytes[..bytes.len() - 1].to_vec()),
        ("tampered", tampered),
        ("newer", newer),
        ("foreign", b"\0\xff nothing of ours".to_vec()),
        ("huge", bytes.repeat(1_000)),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_token_is_fetched_anew() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    let token = file(&fleet, "token");
    let whole = fs::read(&token).unwrap();
    for (requests, (how, bytes)) in (2..).zip(spoilt(&whole)) {
        fs::write(&token, bytes).unwrap();
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests, "{how}");
        // The fetch has mended it.
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_record_counts_as_one_possible_strike_and_is_kept() {
    for nth in 0..7 {
        let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
        fleet.start("wrong").token().await.unwrap_err();
        let record = file(&fleet, "strikes");
        let (how, bytes) = spoilt(&fs::read(&record).unwrap()).swap_remove(nth);
        fs::write(&record, &bytes).unwrap();
        // One more attempt is allowed, and no third.
        for requests in [2, 2, 2] {
            let tokens = fleet.start("wrong");
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected, "{how}");
            let status = tokens.status();
            assert_eq!(
                (status.strikes(), status.possible_strikes()),
                (1, 1),
                "{how}"
            );
            assert_eq!(fleet.requests(), requests, "{how}");
        }
        assert_eq!(fs::read(file(&fleet, "bad")).unwrap(), bytes);
        let other = fleet.start("password").token().await.unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Rejected, "{how}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_record_of_another_account_is_not_believed() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    let good = fs::read(file(&fleet, "strikes")).unwrap();
    let (other, _other) = self::fleet(Kit::new(rules(300, 10)));
    other.start("wrong").token().await.unwrap_err();
    fs::write(file(&other, "strikes"), good).unwrap();
    let tokens = other.start("wrong");
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().possible_strikes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_from_the_future_is_fetched_anew() {
    let (mut fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    sleep(Duration::from_secs(100)).await;
    fleet.start("password").token().await.unwrap();
    // A clock that begins now is that of a machine whose clock was set back.
    fleet.clock = TokioClock::new();
    fleet.start("password").token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_gone_is_a_store_that_is_down() {
    let (fleet, _directory) = fleet(Kit::new(rules(60, 10)));
    let proven = fleet.start("password");
    proven.token().await.unwrap();
    fs::remove_dir_all(fleet.store.directory()).unwrap();
    let error = fleet.start("password").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    sleep(Duration::from_secs(60)).await;
    proven.token().await.unwrap();
    assert_eq!(fleet.requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_can_be_neither_read_nor_written_costs_a_fetch_and_no_strike() {
    let (fleet, _directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("password").token().await.unwrap();
    let token = file(&fleet, "token");
    fs::remove_file(&token).unwrap();
    fs::create_dir(&token).unwrap();
    for requests in 2..6 {
        let tokens = fleet.start("password");
        tokens.token().await.unwrap();
        assert_eq!(fleet.requests(), requests);
        let status = tokens.status();
        assert_eq!((status.strikes(), status.possible_strikes()), (0, 0));
    }
    // Another password is asked for as ever.
    fleet.start("wrong").token().await.unwrap_err();
    fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(fleet.requests(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_spoilt_record_is_kept_beside_and_through_no_link() {
    let (fleet, directory) = fleet(Kit::new(rules(300, 10)));
    fleet.start("wrong").token().await.unwrap_err();
    let elsewhere = directory.path().join("elsewhere");
    fs::write(&elsewhere, "somebody's").unwrap();
    let record = file(&fleet, "strikes");
    fs::write(&record, "spoilt").unwrap();
    let bad = record.with_extension("strikes.bad");
    std::os::unix::fs::symlink(&elsewhere, &bad).unwrap();
    fleet.start("password").token().await.unwrap();
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "somebody's");
    assert_eq!(fs::read_to_string(&bad).unwrap(), "spoilt");
}
