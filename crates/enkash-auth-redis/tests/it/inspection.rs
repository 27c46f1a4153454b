//! What a server says of itself, in words.

use std::time::Duration;

use enkash_auth_redis::{Inspection, RedisStore};

use crate::{
    distance::Path,
    support::{cluster::Cluster, server::Server},
};

/// Returns the line, and the only warning.
async fn inspect(store: &RedisStore) -> (String, Option<String>) {
    let inspection: Inspection = store.inspect().await.unwrap();
    let mut warnings = inspection.warnings();
    assert!(warnings.len() <= 1, "{warnings:?}");
    (inspection.to_string(), warnings.pop())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn inspection_names_what_puts_a_record_at_risk() {
    let server = Server::start(&[]).await;
    let store = server.store();
    let (line, warning) = inspect(&store).await;
    let info: String = server.command("INFO server").await;
    let version = |field: &str| {
        let mut lines = info.lines();
        lines.find_map(|line| line.strip_prefix(field))
    };
    let product = match version("valkey_version:") {
        Some(version) => format!("Valkey {version}, "),
        None => format!("Redis {}, ", version("redis_version:").unwrap()),
    };
    assert!(line.starts_with(&product), "{line}");
    for part in [
        ", a primary with 0 replicas, in no cluster; noeviction; no append-only file",
        "the default user",
        "; round trip ",
        "; clock ",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert_eq!(warning, None);
    server.command::<()>("CONFIG SET appendonly yes").await;
    for (policy, is_risky) in [("allkeys-lru", true), ("volatile-lru", false)] {
        let set = format!("CONFIG SET maxmemory-policy {policy}");
        server.command::<()>(&set).await;
        let (line, warning) = inspect(&store).await;
        assert!(
            line.contains(&format!("; {policy}; append-only file;")),
            "{line}"
        );
        assert_eq!(
            warning.is_some_and(|why| why.contains("noeviction")),
            is_risky
        );
    }
    server
        .command::<()>("CONFIG SET min-replicas-to-write 1")
        .await;
    let (_, warning) = inspect(&store).await;
    assert!(warning.unwrap().contains("NOREPLICAS"));
    server.command::<()>("REPLICAOF 127.0.0.1 1").await;
    let (line, warning) = inspect(&store).await;
    assert!(line.contains("a replica"), "{line}");
    assert!(warning.unwrap().contains("read only"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn inspection_needs_no_more_rights_than_a_store() {
    let server = Server::start(&[]).await;
    let rights =
        "ACL SETUSER payouts on >hunter2 ~enkash-auth:* -@all +select +time +get +eval +set";
    server.command::<()>(rights).await;
    let url = server.url().replace("//", "//payouts:hunter2@");
    let store = RedisStore::new(&url).unwrap();
    let (line, warning) = inspect(&store).await;
    assert!(
        line.contains("unknown without INFO; a user with few rights"),
        "{line}"
    );
    assert_eq!(warning, None);
    server.command::<()>("ACL SETUSER payouts -set").await;
    let (_, warning) = inspect(&store).await;
    assert!(warning.unwrap().contains("cannot be written"));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn inspection_names_a_cluster_and_a_distance() {
    let cluster = Cluster::start().await;
    let (line, warning) = inspect(&cluster.store()).await;
    assert!(
        line.contains("a primary with 0 replicas, in a cluster"),
        "{line}"
    );
    assert_eq!(warning, None);
    let server = Server::start(&[]).await;
    let url = Path::of(100).to(server.port()).await;
    for (millis, expected) in [(2_000, None), (250, Some("ten round trips: 1"))] {
        let limit = Duration::from_millis(millis);
        let far = RedisStore::new(&url).unwrap().call_timeout(limit).unwrap();
        let (line, warning) = inspect(&far).await;
        assert!(line.contains("round trip 1"), "{line}");
        match expected {
            Some(expected) => assert!(warning.unwrap().contains(expected)),
            None => assert_eq!(warning, None),
        }
    }
}
