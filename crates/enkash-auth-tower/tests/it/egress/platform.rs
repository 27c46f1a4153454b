//! The trust store of the operating system, and what is added to it.

use std::{env, fs, process::Command, time::Duration};

use enkash_auth_tower::Egress;
use tokio::task::spawn_blocking;
use tower::ServiceExt;

use super::stage::Stage;

/// Names the server that the process of `child` connects to.
const SERVER: &str = "TEST_SERVER";

#[tokio::test(start_paused = true)]
async fn platform_verifier_trusts_added_certificates() {
    let stage = Stage::new().await;
    let pem = stage.pem().as_bytes();
    for egress in [
        Egress::direct().platform_verifier().trust_pem(pem),
        Egress::direct()
            .trust_pem(pem)
            .map(Egress::platform_verifier),
    ] {
        let tokens = stage.cache(&stage.base_at("127.0.0.1"), &egress.unwrap());
        tokens.token().await.unwrap();
    }
}

#[tokio::test]
async fn platform_verifier_trusts_store_of_the_system() {
    let (trusted, unknown) = (Stage::new().await, Stage::new().await);
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("certificates.pem");
    fs::write(&store, trusted.pem()).unwrap();
    for (stage, is_trusted) in [(trusted, true), (unknown, false)] {
        // A process of its own: a variable names the store.
        let mut process = Command::new(env::current_exe().unwrap());
        process
            .args(["--ignored", "--exact", "egress::platform::child"])
            .env("SSL_CERT_FILE", &store)
            .env_remove("SSL_CERT_DIR")
            .env(SERVER, stage.base_at("127.0.0.1"));
        let output = spawn_blocking(move || process.output()).await.unwrap();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.success(), is_trusted, "{text}");
        assert_eq!(text.contains("unknown issuer"), !is_trusted, "{text}");
    }
}

#[tokio::test]
#[ignore = "run by another test, in a process of its own"]
async fn child() {
    let Ok(server) = env::var(SERVER) else { return };
    let egress = Egress::direct().platform_verifier();
    let connector = egress.connector(Duration::from_secs(60)).unwrap();
    connector.oneshot(server.parse().unwrap()).await.unwrap();
}
