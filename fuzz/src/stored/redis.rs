mod server;

use enkash_auth_redis::RedisStore;
use tokio::{runtime::Runtime, task::yield_now};

use self::server::Server;
use super::{Account, Kept, Meant, opened};
use crate::issuer;

struct World {
    runtime: Runtime,
    server: Server,
    store: RedisStore,
}

thread_local! {
    static WORLD: World = World::new();
}

/// On a server that holds what was kept.
pub(super) fn with(account: &Account, kept: &Kept, meant: &Meant) {
    WORLD.with(|world| {
        let key = |what: &str| format!("enkash-auth:{{{}}}:{what}", account.id);
        let values = [
            (key("ledger"), kept.record.clone()),
            (
                key(&format!("token:{}", account.short())),
                kept.token.clone(),
            ),
        ];
        let values = values
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        world.server.hold(kept.now, values);
        world.runtime.block_on(async {
            opened(&world.store, account, kept, meant).await;
            world.settle().await;
        });
        let is_bad = matches!(meant.ledger, Some(Err(_)));
        let bad = world.server.value(&key("bad"));
        assert_eq!(bad, kept.record.clone().filter(|_| is_bad));
    });
}

impl World {
    fn new() -> Self {
        let runtime = issuer::runtime();
        let server = runtime.block_on(Server::start());
        let store = RedisStore::new(&server.url()).expect("it is an address");
        Self {
            runtime,
            server,
            store,
        }
    }

    /// Leave that is dropped is settled by a task: until none is left but those of the connection.
    async fn settle(&self) {
        const CONNECTION: usize = 3;
        for _ in 0..100_000 {
            if self.runtime.metrics().num_alive_tasks() <= CONNECTION {
                return;
            }
            yield_now().await;
        }
        panic!("a task does not end");
    }
}
