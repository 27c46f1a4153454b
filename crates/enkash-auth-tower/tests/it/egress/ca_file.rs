//! `ENKASH_CA_FILE`, valid and invalid.

use std::{fs, path::Path};

use enkash_auth_tower::{Egress, Error, ErrorKind};

use super::stage::Stage;

/// PEM that is labelled as a certificate but holds none.
const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nczNjcmV0\n-----END CERTIFICATE-----\n";

fn read(path: &Path) -> Result<Egress, Error> {
    Egress::from_lookup(|name| (name == "ENKASH_CA_FILE").then(|| path.as_os_str().to_owned()))
}

#[tokio::test(start_paused = true)]
async fn certificates_in_ca_file_are_trusted() {
    let (stage, other) = (Stage::new().await, Stage::new().await);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    // With text between, and a second certificate.
    let ours = format!("# ours\n{}\nand another\n{}", other.pem(), stage.pem());
    // Of the maximum length.
    let words = "a".repeat(4 * 1024 * 1024 - ours.len() - 1);
    let pem = format!("{words}\n{ours}");
    fs::write(&path, pem).unwrap();
    for egress in [read(&path), Egress::direct().trust_file(&path)] {
        let egress = egress.unwrap();
        for stage in [&stage, &other] {
            let tokens = stage.cache(&stage.base_at("127.0.0.1"), &egress);
            tokens.token().await.unwrap();
        }
    }
}

/// One at its start as some editors write it, and one where such a file was appended to another.
#[tokio::test(start_paused = true)]
async fn byte_order_marks_in_ca_file_are_skipped() {
    let (stage, other) = (Stage::new().await, Stage::new().await);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    fs::write(
        &path,
        format!("\u{feff}{}\u{feff}{}", other.pem(), stage.pem()),
    )
    .unwrap();
    let egress = read(&path).unwrap();
    for stage in [&stage, &other] {
        let tokens = stage.cache(&stage.base_at("127.0.0.1"), &egress);
        tokens.token().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn unusable_ca_file_is_an_error_without_its_content() {
    let stage = Stage::new().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ca.pem");
    let half = stage.pem().split_at(200).0.to_owned();
    let key = "-----BEGIN PRIVATE KEY-----\nczNjcmV0\n-----END PRIVATE KEY-----\n".to_owned();
    for (content, why) in [
        (String::new(), "holds no certificate"),
        ("s3cret".to_owned(), "holds no certificate"),
        (key, "holds no certificate"),
        (half, "certificate 1, or what precedes it, is not PEM"),
        (
            stage.pem().to_owned() + "-----BEGIN s3cret\n",
            "certificate 2, or what precedes it, is not PEM",
        ),
        (BROKEN.to_owned(), "certificate 1 is broken"),
        (stage.pem().repeat(2) + BROKEN, "certificate 3 is broken"),
        (stage.pem().repeat(8_000), "cannot be read"),
    ] {
        fs::write(&path, content).unwrap();
        assert_names(&read(&path), why);
    }
    assert_names(&read(directory.path()), "cannot be read");
    assert_names(&read(&directory.path().join("s3cret")), "cannot be read");
    assert!(read(Path::new(" ")).is_ok(), "blank is unset");
}

fn assert_names(read: &Result<Egress, Error>, why: &str) {
    let error = read.as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidSetting);
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("ENKASH_CA_FILE: ") && text.contains(why),
        "{text}"
    );
    assert!(
        !text.contains("s3cret") && !text.contains("czNjcmV0"),
        "{text}"
    );
}
