//! Redis' own credentials, in files.

use std::{fs, process::Command, time::Duration};

use enkash_auth_sandbox::Rules;
use http::StatusCode;
use tokio::time::sleep;

use super::replicas::Replicas;
use crate::{
    process::Sidecar,
    requests::{call, get},
};

async fn redis(fleet: &Replicas, command: &str) {
    let client = redis::Client::open(fleet.redis.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut words = redis::Cmd::new();
    for word in command.split(' ') {
        words.arg(word);
    }
    words.exec_async(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, runs for some 8 s: lifetimes of a token"]
async fn rotated_redis_password_fails_no_call() {
    let fleet = Replicas::new(Rules::new().lifetime(Duration::from_secs(3))).await;
    let directory = tempfile::tempdir().unwrap();
    let [user, password] = ["user", "password"].map(|name| directory.path().join(name));
    let with_files = || {
        let mut command: Command = fleet.command();
        command
            .env("ENKASH_REDIS_USERNAME_FILE", &user)
            .env("ENKASH_REDIS_PASSWORD_FILE", &password);
        command
    };
    let set = "ACL SETUSER payouts on allkeys allcommands resetpass";
    redis(&fleet, &format!("{set} >hunter2")).await;
    fs::write(&user, "payouts\n").unwrap();
    fs::write(&password, "hunter2\n").unwrap();
    let sidecar = Sidecar::start(with_files()).await;
    assert_eq!(call(&sidecar).await.status, StatusCode::OK);
    redis(&fleet, &format!("{set} >hunter3")).await;
    fs::write(&password, "hunter3").unwrap();
    redis(&fleet, "CLIENT KILL USER payouts").await;
    for _ in 0..70 {
        assert_eq!(call(&sidecar).await.status, StatusCode::OK);
        sleep(Duration::from_millis(100)).await;
    }
    // Its tokens are in the store: the next is long enough for another sidecar, however slowly that starts.
    let issuer = fleet.sandbox.issuer();
    issuer.change_rules(|rules| rules.lifetime(Duration::from_secs(3_600)));
    let remaining = async || get(&sidecar, "/-/status").await.json()["remaining_seconds"].as_u64();
    while remaining().await < Some(60) {
        assert_eq!(call(&sidecar).await.status, StatusCode::OK);
        sleep(Duration::from_millis(100)).await;
    }
    let before = fleet.requests();
    let other = Sidecar::start(with_files()).await;
    assert_eq!(call(&other).await.status, StatusCode::OK);
    assert_eq!(fleet.requests(), before);
    for sidecar in [sidecar, other] {
        let log = sidecar.kill().await;
        assert!(!log.contains("hunter"), "{log}");
    }
}
