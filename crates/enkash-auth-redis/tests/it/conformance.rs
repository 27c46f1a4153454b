//! The suite that every store passes.

use enkash_auth_redis::{
    RedisStore,
    tower::conformance::{Passing, check},
};

use crate::server::Server;

#[tokio::test(flavor = "multi_thread")]
async fn redis_conforms() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    check(&Passing::new(server.store())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_an_account_are_in_one_slot_and_begin_as_was_said() {
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let store = RedisStore::new(&server.url()).unwrap();
    let store = store.key_prefix("payouts:live").unwrap();
    check(&Passing::new(std::sync::Arc::new(store)))
        .await
        .unwrap();
    let keys = server.keys("").await;
    assert!(!keys.is_empty());
    for key in keys {
        assert!(key.starts_with("payouts:live:{"), "{key}");
        let tag = key.split(['{', '}']).nth(1).unwrap();
        assert_eq!(tag.len(), 64, "{key}");
    }
    for unusable in ["", "a{b}", "}"] {
        let store = RedisStore::new(&server.url()).unwrap();
        store.key_prefix(unusable).unwrap_err();
    }
}

/// The one in the README.
#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_may_do_nothing_else_is_enough() {
    let readme = include_str!("../../README.md");
    let rules = readme.split("```text\n").nth(1).unwrap();
    let rules = rules.split("```").next().unwrap();
    let words: Vec<&str> = rules.split_whitespace().skip(1).collect();
    let Some(server) = Server::start(&[]).await else {
        return;
    };
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg(&words);
    let done = command.query_async::<()>(&mut server.redis().await).await;
    done.unwrap();
    let url = server.url().replace("redis://", "redis://payouts:secret@");
    let store = RedisStore::new(&url).unwrap();
    check(&Passing::new(std::sync::Arc::new(store)))
        .await
        .unwrap();
}
