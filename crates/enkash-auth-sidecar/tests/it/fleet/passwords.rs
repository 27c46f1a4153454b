//! A wrong password on all replicas.

use std::{fs, time::Duration};

use enkash_auth_sandbox::Rules;
use http::StatusCode;
use tokio::{task::JoinSet, time::sleep};

use super::replicas::Replicas;
use crate::{
    process::Sidecar,
    requests::{call, until_served},
    stage::PASSWORD,
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, a quarantined sidecar looks again after 5 s"]
async fn eight_replicas_send_old_password_once_until_reset() {
    let fleet = Replicas::new(Rules::new()).await;
    let secrets = tempfile::tempdir().unwrap();
    let (one, rest) = (secrets.path().join("one"), secrets.path().join("rest"));
    for file in [&one, &rest] {
        fs::write(file, "old").unwrap();
    }
    let mut sidecars = Vec::new();
    for wave in 0..2 {
        let mut starting = JoinSet::new();
        for replica in 0..4 {
            let file = if (wave, replica) == (0, 0) {
                &one
            } else {
                &rest
            };
            let command = fleet.with_password_of(file);
            starting.spawn(async move {
                let sidecar = Sidecar::start(command).await;
                let status = call(&sidecar).await.status;
                (replica, sidecar, status)
            });
        }
        let mut started = starting.join_all().await;
        started.sort_by_key(|(replica, ..)| *replica);
        for (_, sidecar, status) in started {
            assert_eq!(status, StatusCode::BAD_GATEWAY);
            sidecars.push(sidecar);
        }
    }
    assert_eq!(fleet.requests(), 1);
    assert!(!fleet.is_locked());

    // Corrected on one replica, that one is served.
    fs::write(&one, PASSWORD).unwrap();
    until_served(&sidecars[0]).await;
    assert!(!fleet.is_locked());

    // The others are served after a reset.
    fs::write(&rest, PASSWORD).unwrap();
    fleet.reset(true).await;
    let mut serving = JoinSet::new();
    for sidecar in sidecars {
        serving.spawn(async move { until_served(&sidecar).await });
    }
    serving.join_all().await;
    assert!(fleet.requests() <= 4, "{}", fleet.requests());
    assert!(!fleet.is_locked());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server, a quarantined sidecar looks again after 5 s"]
async fn two_wrong_passwords_close_account_for_fleet_until_reset() {
    let fleet = Replicas::new(Rules::new()).await;
    let secrets = tempfile::tempdir().unwrap();
    let mut sidecars = Vec::new();
    let mut files = Vec::new();
    for (replica, password) in ["old", "typo", "old", PASSWORD].into_iter().enumerate() {
        let file = secrets.path().join(replica.to_string());
        fs::write(&file, password).unwrap();
        let sidecar = Sidecar::start(fleet.with_password_of(&file)).await;
        // The right password comes too late.
        assert_eq!(call(&sidecar).await.status, StatusCode::BAD_GATEWAY);
        sidecars.push(sidecar);
        files.push(file);
    }
    assert_eq!(fleet.requests(), 2);
    for file in files {
        fs::write(file, PASSWORD).unwrap();
    }
    // Replicas poll every 5 s, plus or minus one, and then read their files twice, a second apart.
    sleep(Duration::from_secs(9)).await;
    assert_eq!(fleet.requests(), 2);
    let shown = fleet.reset(true).await;
    assert!(shown.contains("rejected attempts: 2"), "{shown}");
    for sidecar in &sidecars {
        until_served(sidecar).await;
    }
    assert_eq!(fleet.requests(), 3);
    assert!(!fleet.is_locked());
}
