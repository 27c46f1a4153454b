use std::{fmt::Write, time::Duration};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::AccountKey;
use tokio::time::sleep;

use super::{server::Server, soon::soon};

const SLOTS: u16 = 16_384;

const ARGS: [&str; 6] = [
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "1000",
    "--cluster-require-full-coverage",
    "no",
];

/// Three primaries, which have a third of the slots each.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
    pub(crate) ids: Vec<String>,
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let mut cluster = Self {
            nodes: Vec::new(),
            ids: Vec::new(),
        };
        for number in 0..3 {
            let node = cluster.add().await;
            let slots = (0..SLOTS).filter(|slot| slot % 3 == number);
            let mut add = "CLUSTER ADDSLOTS".to_owned();
            for slot in slots {
                write!(add, " {slot}").unwrap();
            }
            cluster.nodes[node].command::<()>(&add).await;
        }
        cluster.until_known(3).await;
        cluster
    }

    /// Starts a node that knows the first one.
    pub(crate) async fn add(&mut self) -> usize {
        let node = Server::start(&ARGS).await;
        let epoch = self.nodes.len() + 1;
        node.command::<()>(&format!("CLUSTER SET-CONFIG-EPOCH {epoch}"))
            .await;
        if let Some(first) = self.nodes.first() {
            let meet = format!("CLUSTER MEET 127.0.0.1 {}", first.port());
            node.command::<()>(&meet).await;
        }
        self.ids.push(node.command("CLUSTER MYID").await);
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Waits until each node knows `count` of them, and which slots they have.
    pub(crate) async fn until_known(&self, count: usize) {
        for node in &self.nodes {
            soon("the cluster is up", async || {
                let info: String = node.command("CLUSTER INFO").await;
                info.contains("cluster_state:ok")
                    && info.contains("cluster_slots_assigned:16384")
                    && info.contains(&format!("cluster_known_nodes:{count}\r"))
            })
            .await;
        }
    }

    pub(crate) fn url(&self) -> String {
        let hosts = self
            .nodes
            .iter()
            .map(|node| format!("127.0.0.1:{}", node.port()));
        format!("redis-cluster://{}", hosts.collect::<Vec<_>>().join(","))
    }

    pub(crate) fn store(&self) -> RedisStore {
        RedisStore::new(&self.url()).unwrap()
    }

    pub(crate) async fn slot(&self, account: &AccountKey) -> u16 {
        let slot = format!("CLUSTER KEYSLOT {}", key(account));
        self.nodes[0].command(&slot).await
    }

    /// Returns the only key, and which node has it.
    pub(crate) async fn only_key(&self) -> (usize, String) {
        let mut keys = Vec::new();
        for (owner, node) in self.nodes.iter().enumerate() {
            keys.extend(node.keys().await.into_iter().map(|key| (owner, key)));
        }
        assert_eq!(keys.len(), 1, "{keys:?}");
        keys.remove(0)
    }

    /// Moves `slot`, with a pause before each step.
    pub(crate) async fn move_slot(&self, slot: u16, key: &str, from: usize, to: usize) {
        let (source, target) = (&self.nodes[from], &self.nodes[to]);
        let (source_id, target_id) = (&self.ids[from], &self.ids[to]);
        let set = format!("CLUSTER SETSLOT {slot}");
        let migrate = format!("MIGRATE 127.0.0.1 {} {key} 0 5000", target.port());
        for (node, command) in [
            (target, format!("{set} IMPORTING {source_id}")),
            (source, format!("{set} MIGRATING {target_id}")),
            (source, migrate),
            (target, format!("{set} NODE {target_id}")),
            (source, format!("{set} NODE {target_id}")),
        ] {
            sleep(Duration::from_millis(15)).await;
            let _: redis::Value = node.command(&command).await;
        }
    }
}

/// Returns the key of the record of `account`.
pub(crate) fn key(account: &AccountKey) -> String {
    format!("enkash-auth:{{{account:x}}}:record")
}
