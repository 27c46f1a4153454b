//! The content and size of a dump of the server.

use std::{fmt::Write, fs};

use sha2::{Digest, Sha256};

use crate::fleet::{Fleet, LONG};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn dump_contains_no_secret_and_no_name() {
    let fleet = Fleet::new(LONG).await;
    let server = &fleet.server;
    // Compressed text would not be found.
    let config: &[&[u8]] = &[b"CONFIG", b"SET", b"rdbcompression", b"no"];
    server.run::<()>(config).await;
    // A rejection, a success, a token.
    fleet.start("wrong-Ie3rV9").token().await.unwrap_err();
    let token = fleet.start("password").token().await.unwrap();
    let key = server.key().await;
    let used: u64 = server.run(&[b"MEMORY", b"USAGE", key.as_bytes()]).await;
    println!("{used} bytes for one account");
    assert!(used < 2_048, "{used}");
    server.run::<()>(&[b"SAVE"]).await;
    let file = fs::read(server.directory().join("dump.rdb")).unwrap();
    let dump: Vec<u8> = server.run(&[b"DUMP", key.as_bytes()]).await;
    let value = server.get(&key).await;
    assert!(file.windows(value.len()).any(|part| part == value));
    let text = [key.into_bytes(), value, dump, file].concat();
    let text = String::from_utf8_lossy(&text).to_lowercase();
    for secret in [
        token.expose(),
        "wrong-Ie3rV9",
        "password",
        "client-secret",
        "client-id",
        "user@example.com",
    ] {
        assert!(!text.contains(&secret.to_lowercase()), "{secret}");
        assert!(!text.contains(&sha256(secret)), "the hash of {secret}");
    }
}

/// Encodes in hexadecimal.
fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}
