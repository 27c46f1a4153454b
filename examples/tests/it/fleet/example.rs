//! The program `fleet`, run as a process.

use std::process::Command;

use enkash_auth_sandbox::Rules;

use super::replicas::Replicas;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs for some 45 s"]
async fn fleet_example_fails_no_call() {
    // Prints a notice if there is no `redis-server`.
    if Replicas::new(Rules::new()).await.is_none() {
        return;
    }
    let run = || Command::new(env!("CARGO_BIN_EXE_fleet")).output().unwrap();
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let table = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{table}{errors}");
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().rev().collect())
        .collect();
    assert_eq!(rows.len(), 5, "{table}");
    for row in &rows {
        let [_, failed, ..] = row.as_slice() else {
            panic!("{table}");
        };
        assert_eq!(*failed, "0", "{table}");
    }
    assert_eq!(rows[0][0], "1", "{table}");
}
