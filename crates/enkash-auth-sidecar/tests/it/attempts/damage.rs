//! A damaged record with two strikes.

use super::{
    kept::{Kept, newer},
    server::{RIGHT, Server, rejections, run},
};

type Damage = fn(&[u8]) -> Vec<u8>;

const DAMAGES: [(&str, Damage); 4] = [
    ("flipped", |record| {
        let mut record = record.to_vec();
        let middle = record.len() / 2;
        record[middle] ^= 1;
        record
    }),
    ("cut off", |record| record[..record.len() / 2].to_vec()),
    ("empty", |_| Vec::new()),
    ("garbage", |record| record.iter().rev().copied().collect()),
];

async fn two_strikes(kept: &Kept) -> Server {
    let server = Server::new().await;
    for password in ["one", "two"] {
        server.check(&kept.url(), password).await;
    }
    assert_eq!(server.seen(), rejections(2));
    server
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn damaged_record_denies_attempts_until_reset() {
    let mut sent = Vec::new();
    for (damage, change) in DAMAGES {
        for kept in Kept::both().await {
            let (server, store) = (two_strikes(&kept).await, kept.url());
            kept.rewrite(change).await;
            for password in ["three", RIGHT] {
                server.check(&store, password).await;
                let seen = server.seen();
                if seen != rejections(2) {
                    sent.push(format!("{damage}, {password}: {seen:?} at {store}"));
                }
            }
            server.reset(&store, &[]).await;
            server.issuer().unlock_all();
            let (code, printed) = server.check(&store, RIGHT).await;
            assert_eq!(code, Some(0), "{damage}: {printed}");
        }
    }
    assert!(sent.is_empty(), "{sent:#?}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn newer_record_format_sends_nothing_and_is_kept() {
    for kept in Kept::both().await {
        let (server, store) = (two_strikes(&kept).await, kept.url());
        kept.rewrite(newer).await;
        let before = kept.records().await;
        for (arguments, code) in [(&["check"][..], Some(10)), (&["reset", "--yes"], None)] {
            for on_store_down in ["", "attempt"] {
                let mut command = server.command(&store, RIGHT);
                command.env("ENKASH_ON_STORE_DOWN", on_store_down);
                command.args(arguments);
                let (exit, printed) = run(command).await;
                assert_ne!(exit, Some(0), "{printed}");
                assert!(code.is_none() || exit == code, "{exit:?}: {printed}");
            }
        }
        assert_eq!(server.seen(), rejections(2), "{store}");
        assert_eq!(kept.records().await, before, "{store}");
    }
}
