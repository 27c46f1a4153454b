//! The suite that every store passes, and the Redis keys in use.

use enkash_auth_tower::conformance::check;

use crate::support::server::Server;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn redis_store_passes_register_suite() {
    let server = Server::start(&[]).await;
    check(server.store()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn record_is_one_key_with_the_prefix_and_a_hash_tag() {
    let server = Server::start(&[]).await;
    let store = server.store().key_prefix("payouts:live").unwrap();
    check(store).await.unwrap();
    let keys = server.keys().await;
    assert!(!keys.is_empty());
    for key in keys {
        let account = key.strip_prefix("payouts:live:{").unwrap();
        let account = account.strip_suffix("}:record").unwrap();
        assert_eq!(account.len(), 64, "{key}");
        let life: i64 = server.run(&[b"PTTL", key.as_bytes()]).await;
        assert_eq!(life, -1, "a record stays");
    }
    for unusable in ["", "a{b}", "}"] {
        server.store().key_prefix(unusable).unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn acl_in_readme_suffices() {
    let readme = include_str!("../../README.md");
    let rules = readme.split("```text\n").nth(1).unwrap();
    let rules = rules.split("```").next().unwrap();
    let words = rules.split_whitespace().skip(1).map(str::as_bytes);
    let command: Vec<&[u8]> = [&b"ACL"[..], b"SETUSER"].into_iter().chain(words).collect();
    let server = Server::start(&[]).await;
    server.run::<()>(&command).await;
    let url = server.url().replace("redis://", "redis://payouts:secret@");
    let store = enkash_auth_redis::RedisStore::new(&url).unwrap();
    check(store).await.unwrap();
}
