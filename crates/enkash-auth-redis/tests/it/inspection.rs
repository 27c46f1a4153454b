//! What a server says of itself, in words.

use std::time::Duration;

use enkash_auth_redis::{Inspection, RedisStore};

use crate::{
    distance::Path,
    support::{cluster::Cluster, server::Server},
};

/// Returns the line, and the only error or warning.
async fn inspect(store: &RedisStore) -> (String, Option<String>) {
    let inspection: Inspection = store.inspect().await.unwrap();
    let mark = |mark| move |text| format!("{mark}: {text}");
    let errors = inspection.errors().into_iter().map(mark("error"));
    let warnings = inspection.warnings().into_iter().map(mark("warning"));
    let mut found: Vec<String> = errors.chain(warnings).collect();
    assert!(found.len() <= 1, "{found:?}");
    (inspection.to_string(), found.pop())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn inspection_names_what_puts_a_record_at_risk() {
    let server = Server::start(&[]).await;
    let store = server.store();
    let (line, found) = inspect(&store).await;
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
    assert_eq!(found, None);
    server.command::<()>("CONFIG SET appendonly yes").await;
    for (policy, is_risky) in [("allkeys-lru", true), ("volatile-lru", false)] {
        let set = format!("CONFIG SET maxmemory-policy {policy}");
        server.command::<()>(&set).await;
        let (line, found) = inspect(&store).await;
        assert!(
            line.contains(&format!("; {policy}; append-only file;")),
            "{line}"
        );
        assert_eq!(
            found.is_some_and(|why| why.starts_with("error: it evicts any key")),
            is_risky
        );
    }
    server
        .command::<()>("CONFIG SET min-replicas-to-write 1")
        .await;
    let (_, found) = inspect(&store).await;
    let found = found.unwrap();
    assert!(
        found.starts_with("error: ") && found.contains("NOREPLICAS"),
        "{found}"
    );
    server.command::<()>("REPLICAOF 127.0.0.1 1").await;
    let (line, found) = inspect(&store).await;
    assert!(line.contains("a replica"), "{line}");
    assert!(found.unwrap().contains("read only"));
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
    let (line, found) = inspect(&store).await;
    assert!(
        line.contains("unknown without INFO; a user with few rights"),
        "{line}"
    );
    assert_eq!(found, None);
    server.command::<()>("ACL SETUSER payouts -set").await;
    let (_, found) = inspect(&store).await;
    assert!(
        found
            .unwrap()
            .starts_with("error: a record cannot be written")
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn inspection_names_a_cluster_and_a_distance() {
    let cluster = Cluster::start().await;
    let (line, found) = inspect(&cluster.store()).await;
    assert!(
        line.contains("a primary with 0 replicas, in a cluster"),
        "{line}"
    );
    assert_eq!(found, None);
    let server = Server::start(&[]).await;
    let url = Path::of(100).to(server.port()).await;
    for (millis, expected) in [(5_000, None), (250, Some("warning: a call may take"))] {
        let limit = Duration::from_millis(millis);
        let far = RedisStore::new(&url).unwrap().call_timeout(limit).unwrap();
        let (line, found) = inspect(&far).await;
        assert!(line.contains("round trip "), "{line}");
        match expected {
            Some(expected) => {
                let found = found.unwrap();
                assert!(
                    found.starts_with(expected) && found.contains("ten round trips: "),
                    "{found}"
                );
            }
            None => assert_eq!(found, None),
        }
    }
}
