//! `deploy/enkash-sidecar.service`.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use enkash_auth_sandbox::Sandbox;

use super::{
    process::{Sidecar, sidecar},
    stage::{assert_serves_call, configure, read},
};

const UNIT: &str = "enkash-sidecar.service";

/// The most that `systemd-analyze security` may say, of 100.
const EXPOSURE: &str = "15";

fn unit() -> String {
    read(&format!("deploy/{UNIT}"))
}

/// Returns the values of a key of the unit.
fn values<'a>(unit: &'a str, key: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value)
        .collect()
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let mut command = Command::new("systemd-analyze");
    command.args(arguments).arg(unit).output().unwrap()
}

#[test]
#[ignore = "needs systemd-analyze"]
fn unit_is_valid_and_hardened() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(UNIT);
    let program = env!("CARGO_BIN_EXE_enkash-sidecar");
    let unit = unit().replace("/usr/local/bin/enkash-sidecar", program);
    fs::write(&path, unit).unwrap();
    let verified = analyze(&["verify", "--man=no"], &path);
    // An unknown key is a warning only.
    assert!(verified.stderr.is_empty(), "{verified:?}");
    assert!(verified.status.success(), "{verified:?}");
    let threshold = format!("--threshold={EXPOSURE}");
    let rated = analyze(&["security", "--offline=yes", &threshold], &path);
    assert!(rated.status.success(), "{rated:?}");
}

#[test]
fn invalid_setting_does_not_restart_unit() {
    let code = sidecar().output().unwrap().status.code().unwrap();
    let unit = unit();
    let codes = values(&unit, "RestartPreventExitStatus");
    assert_eq!(codes, [code.to_string()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_unit_serve_call() {
    let unit = unit();
    let (state, credentials) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for credential in values(&unit, "LoadCredential") {
        // The sandbox has the names as secrets.
        let (name, _) = credential.split_once(':').unwrap();
        fs::write(credentials.path().join(name), name).unwrap();
    }
    let state_of_unit = format!("/var/lib/{}", values(&unit, "StateDirectory")[0]);
    let settings = read("deploy/sidecar.env")
        .replace(&state_of_unit, state.path().to_str().unwrap())
        .replace(
            "/run/credentials/enkash-sidecar.service",
            credentials.path().to_str().unwrap(),
        );

    let sandbox = Sandbox::builder().start().await.unwrap();
    let mut command = sidecar();
    configure(&mut command, &sandbox);
    for secret in ["ENKASH_CLIENT_SECRET", "ENKASH_PASSWORD"] {
        command.env_remove(secret);
    }
    command.envs(settings.lines().filter_map(|line| line.split_once('=')));
    let sidecar = Sidecar::start(command).await;
    assert_serves_call(&sandbox, sidecar.address()).await;
    let stored = fs::read_dir(state.path()).unwrap().count();
    assert!(stored > 0, "nothing is stored in the state directory");
}
