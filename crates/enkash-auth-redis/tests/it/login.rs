//! Credentials that change, and a socket.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::conformance::check;
use tokio::time::sleep;

use crate::{
    fleet::Fleet,
    support::{server::Server, soon::soon},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn changed_redis_password_is_read_without_a_restart() {
    let fleet = Fleet::new(Duration::from_secs(4)).await;
    let user = "ACL SETUSER payouts on allkeys allcommands resetpass";
    fleet.server.command::<()>(&format!("{user} >old")).await;
    let password = Arc::new(Mutex::new("old".to_owned()));
    let read = Arc::clone(&password);
    let store = fleet.server.store().login(move || {
        let password = read.lock().unwrap().clone();
        Ok((Some("payouts".to_owned()), password))
    });
    let tokens = fleet.over(store.clone(), "password").build();
    tokens.token().await.unwrap();
    // The file is written late: until then, the server accepts no connection.
    fleet.server.command::<()>(&format!("{user} >new")).await;
    let kill = "CLIENT KILL USER payouts";
    assert!(fleet.server.command::<u64>(kill).await > 0);
    let error = tokens.load_status().await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(!source.contains("old"), "{source}");
    // The token is used meanwhile.
    tokens.token().await.unwrap();
    sleep(Duration::from_millis(500)).await;
    "new".clone_into(&mut password.lock().unwrap());
    soon("it logs in", async || tokens.load_status().await.is_ok()).await;
    for _ in 0..50 {
        tokens.token().await.unwrap();
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn store_on_a_socket_passes_register_suite() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("redis").display().to_string();
    let _server = Server::start(&["--unixsocket", &socket]).await;
    for scheme in ["redis+unix", "unix"] {
        let url = format!("{scheme}://{socket}?db=3");
        check(RedisStore::new(&url).unwrap()).await.unwrap();
    }
}
