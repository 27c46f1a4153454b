//! Damaged records.

use enkash_auth_tower::{ErrorKind, OnStoreDown};

use crate::fleet::{Fleet, LONG};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn damaged_record_counts_two_strikes_until_reset() {
    let fleet = Fleet::new(LONG).await;
    fleet.start("password").token().await.unwrap();
    let key = fleet.server.key().await;
    let whole = fleet.server.get(&key).await;
    let mut tampered = whole.clone();
    tampered[whole.len() / 2] ^= 1;
    let older = String::from_utf8(whole.clone()).unwrap();
    let older = older.replacen("record 1", "record 0", 1).into_bytes();
    for (requests, (how, bytes)) in (2..).zip([
        ("empty", Vec::new()),
        ("truncated", whole[..whole.len() / 2].to_vec()),
        ("tampered", tampered),
        ("older", older),
        ("foreign", b"\0\xff not a record".to_vec()),
        ("huge", whole.repeat(1_000)),
    ]) {
        fleet.server.set(&key, &bytes).await;
        for _ in 0..2 {
            let tokens = fleet.start("password");
            let error = tokens.token().await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AccountClosed, "{how}");
            let status = tokens.status();
            assert_eq!((status.strikes(), status.unresolved_attempts()), (0, 2));
        }
        assert_eq!(fleet.requests(), requests - 1, "{how}");
        fleet.start("password").reset().await.unwrap();
        fleet.start("password").token().await.unwrap();
        assert_eq!(fleet.requests(), requests, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn cached_token_survives_damaged_record() {
    let fleet = Fleet::new(LONG).await;
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    let key = fleet.server.key().await;
    fleet.server.set(&key, b"garbage").await;
    tokens.load_status().await.unwrap();
    tokens.token().await.unwrap();
    assert_eq!(tokens.status().unresolved_attempts(), 2);
    assert_eq!(fleet.requests(), 1);
}

/// Checks that with an unusable record nothing is sent or written under any configuration.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn newer_or_foreign_record_is_not_overwritten() {
    let fleet = Fleet::new(LONG).await;
    fleet.start("password").token().await.unwrap();
    let key = fleet.server.key().await;
    let newer = String::from_utf8(fleet.server.get(&key).await).unwrap();
    let newer = newer.replacen("record 1", "record 2", 1);
    fleet.server.set(&key, newer.as_bytes()).await;
    for on_store_down in [
        OnStoreDown::Hold,
        OnStoreDown::KnownGood,
        OnStoreDown::Attempt,
    ] {
        let tokens = fleet.process("password").on_store_down(on_store_down);
        let error = tokens.build().token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    }
    assert_eq!(fleet.server.get(&key).await, newer.as_bytes());

    fleet.server.run::<()>(&[b"DEL", key.as_bytes()]).await;
    fleet
        .server
        .run::<()>(&[b"LPUSH", key.as_bytes(), b"x"])
        .await;
    let tokens = fleet.start("password");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    tokens.reset().await.unwrap_err();
    let length: u64 = fleet.server.run(&[b"LLEN", key.as_bytes()]).await;
    assert_eq!(length, 1);
    assert_eq!(fleet.requests(), 1);
}
