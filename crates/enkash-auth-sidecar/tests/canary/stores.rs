//! What stores write, and their errors.

use std::{fs, path::Path, sync::Arc, time::Duration};

use enkash_auth_core::account::AccountRecord;
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{FileStore, Store, internal::Process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    redis_server::RedisServer,
    server::{Server, grant, response},
    sinks::Canary,
    stage::{KINDS, Kind, builder, credentials, directory, exhibit},
};

/// Runs a lifecycle on `store`: rejected, granted, and loaded by another process.
async fn live(canary: &Arc<Canary>, store: Arc<dyn Store>, kind: Kind) {
    let minting = Arc::clone(canary);
    let server = Server::start(move |request| match request.contains("wrong") {
        true => response("401 Unauthorized", "", &minting.all().join(" ")),
        false => grant(&minting.secret("token")),
    })
    .await;
    let wrong = credentials(canary, kind).api_key("wrong");
    let right = credentials(canary, kind);
    let process = Process::new();
    for (credentials, process) in [
        (wrong, process.clone()),
        (right.clone(), process.clone()),
        (right, Process::new()),
    ] {
        let tokens = builder(&server.base(), credentials)
            .store(Arc::clone(&store))
            .process(process)
            .build();
        exhibit(canary, &tokens, &server.base()).await;
        let account = tokens.account().unwrap();
        match store.load(&account).await {
            Ok(loaded) => {
                canary.debug(&loaded);
                let record = loaded.record().unwrap_or_default();
                canary.debug(AccountRecord::from_bytes(account, record));
            }
            Err(error) => drop(canary.error(&*error)),
        }
    }
    // The store contains the recorded attempts.
    canary.debug((&store, process));
}

fn note_files(canary: &Canary, directory: &Path) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        canary.note("names of files", path.to_str().unwrap());
        if path.is_dir() {
            note_files(canary, &path);
        } else {
            canary.note("files", fs::read(&path).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn store_files_leak_no_secret() {
    let canary = Arc::new(Canary::new());
    for kind in KINDS {
        let directory = directory();
        let place = directory.path().join("store");
        let store = || Arc::new(FileStore::open(&place).unwrap());
        live(&canary, store(), kind).await;
        note_files(&canary, directory.path());
        for keep in [0, 20, 60] {
            for entry in fs::read_dir(&place).unwrap() {
                let file = fs::OpenOptions::new()
                    .write(true)
                    .open(entry.unwrap().path());
                file.unwrap().set_len(keep).unwrap();
            }
            live(&canary, store(), kind).await;
            note_files(&canary, directory.path());
        }
        let down = store();
        fs::remove_dir_all(&place).unwrap();
        fs::write(&place, "no directory").unwrap();
        live(&canary, down, kind).await;
        canary.error(&FileStore::open(&place).unwrap_err());
    }
    canary.assert_silent(&[
        "files",
        "names of files",
        "Debug",
        "error",
        "log",
        "metrics",
    ]);
}

/// Records every key, and its value both raw and as a dump.
async fn note_keys(canary: &Canary, redis: &mut redis::aio::MultiplexedConnection) {
    let scan: (u64, Vec<String>) = redis::cmd("SCAN")
        .arg(0)
        .arg("COUNT")
        .arg(1000)
        .query_async(redis)
        .await
        .unwrap();
    for key in scan.1 {
        canary.note("keys", key.clone());
        for command in ["GET", "DUMP"] {
            let value: Vec<u8> = redis::cmd(command)
                .arg(&key)
                .query_async(redis)
                .await
                .unwrap();
            canary.note("values", value);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn redis_dump_and_commands_leak_no_secret() {
    let mut server = RedisServer::start().await.unwrap();
    let canary = Arc::new(Canary::new());
    let own = canary.secret("password of redis").replace('/', "");
    let client = redis::Client::open(server.url()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let mut monitor = TcpStream::connect(server.url().trim_start_matches("redis://"))
        .await
        .unwrap();
    monitor.write_all(b"MONITOR\r\n").await.unwrap();
    let watching = tokio::spawn(async move {
        let mut seen = Vec::new();
        let _ = monitor.read_to_end(&mut seen).await;
        seen
    });
    let set: redis::RedisResult<()> = redis::cmd("ACL")
        .arg(&["SETUSER", "payouts", "on", "~*", "&*", "+@all"])
        .arg(format!(">{own}"))
        .query_async(&mut redis)
        .await;
    set.unwrap();
    let host = server.url().trim_start_matches("redis://").to_owned();
    let right = format!("redis://payouts:{own}@{host}");
    let wrong = format!(
        "redis://payouts:{}@{host}",
        canary.secret("wrong").replace('/', "")
    );
    for kind in KINDS {
        for url in [&right, &wrong] {
            live(&canary, Arc::new(RedisStore::new(url).unwrap()), kind).await;
        }
        note_keys(&canary, &mut redis).await;
        // Truncates a complete record.
        let keys: Vec<String> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut redis)
            .await
            .unwrap();
        for key in keys {
            let value: Vec<u8> = redis::cmd("GET")
                .arg(&key)
                .query_async(&mut redis)
                .await
                .unwrap();
            let half = &value[..value.len() / 2];
            redis::cmd("SET")
                .arg(&key)
                .arg(half)
                .exec_async(&mut redis)
                .await
                .unwrap();
        }
        live(&canary, Arc::new(RedisStore::new(&right).unwrap()), kind).await;
        note_keys(&canary, &mut redis).await;
    }
    let store = RedisStore::new(&right).unwrap();
    tokio::task::spawn_blocking(move || {
        server.kill().unwrap();
        server
    })
    .await
    .unwrap();
    live(&canary, Arc::new(store), KINDS[0]).await;
    let seen = tokio::time::timeout(Duration::from_secs(5), watching).await;
    canary.note("commands", seen.unwrap().unwrap());
    canary.assert_silent(&["keys", "values", "commands", "Debug", "error", "log"]);
}
