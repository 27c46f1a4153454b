//! Records that are not as they were written: each is a miss, and loses no strike.
#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::time::Duration;

use enkash_auth_core::ErrorKind;

use crate::fleet::Fleet;

const LONG: Duration = Duration::from_secs(300);

/// Ways in which a value can be spoilt, among them that of a version before and after ours.
fn spoilt(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut tampered = bytes.to_vec();
    tampered[bytes.len() / 2] ^= 1;
    let version = bytes
        .iter()
        .position(|byte| [1, b'1'].contains(byte))
        .unwrap();
    let (mut older, mut newer) = (bytes.to_vec(), bytes.to_vec());
    older[version] -= 1;
    newer[version] += 1;
    vec![
        ("empty", Vec::new()),
        ("torn", bytes[..bytes.len() / 2].to_vec()),
        ("tampered", tampered),
        ("older", older),
        ("newer", newer),
        ("foreign", b"\0\xff nothing of ours".to_vec()),
        ("huge", bytes.repeat(1_000)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_token_is_fetched_anew() {
    let Some(fleet) = Fleet::new(LONG, Duration::ZERO).await else {
        return;
    };
    fleet.start("password").token().await.unwrap();
    let key = fleet.server.keys(":token:*").await.remove(0);
    let whole = fleet.server.get(&key).await;
    for (requests, (how, bytes)) in (2..).zip(spoilt(&whole)) {
        fleet.server.run(&[b"SET", key.as_bytes(), &bytes]).await;
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests, "{how}");
        // The fetch has mended it.
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests, "{how}");
    }
    let requests = fleet.requests();
    fleet.server.run(&[b"DEL", key.as_bytes()]).await;
    fleet.server.run(&[b"LPUSH", key.as_bytes(), b"x"]).await;
    for _ in 0..2 {
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests + 1, "of another type");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_record_counts_as_one_possible_strike_and_is_kept() {
    for nth in 0..7 {
        let Some(fleet) = Fleet::new(LONG, Duration::ZERO).await else {
            return;
        };
        fleet.start("wrong").token().await.unwrap_err();
        let key = fleet.server.keys(":ledger").await.remove(0);
        let (how, bytes) = spoilt(&fleet.server.get(&key).await).swap_remove(nth);
        fleet.server.run(&[b"SET", key.as_bytes(), &bytes]).await;
        one_more_and_no_third(&fleet, how).await;
        let bad = fleet.server.keys(":bad").await.remove(0);
        assert_eq!(fleet.server.get(&bad).await, bytes, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_another_type_is_handled_alike() {
    let Some(fleet) = Fleet::new(LONG, Duration::ZERO).await else {
        return;
    };
    fleet.start("wrong").token().await.unwrap_err();
    let key = fleet.server.keys(":ledger").await.remove(0);
    fleet.server.run(&[b"DEL", key.as_bytes()]).await;
    fleet.server.run(&[b"LPUSH", key.as_bytes(), b"x"]).await;
    one_more_and_no_third(&fleet, "of another type").await;
    assert_eq!(fleet.server.keys(":bad").await.len(), 1);
}

async fn one_more_and_no_third(fleet: &Fleet, how: &str) {
    for _ in 0..3 {
        let tokens = fleet.start("wrong");
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{how}");
        let status = tokens.status();
        let strikes = (status.strikes(), status.possible_strikes());
        assert_eq!(strikes, (1, 1), "{how}");
        assert_eq!(fleet.requests(), 2, "{how}");
    }
    let other = fleet.start("password").token().await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Rejected, "{how}");
}
