//! Secrets, inline and in files.

use std::{error::Error as _, fs, time::Duration};

use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{Config, ErrorKind, TokenCache, TokenEndpoint};
use tokio::time::sleep;

use super::{KEYS, PASSWORD, from, with};
use crate::support::{BASE, Kit, TokioClock, rules};

#[test]
fn secret_from_file_equals_inline_secret() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let path = file.to_str().unwrap();
    let of_file = from(&with(
        &PASSWORD,
        &[("ENKASH_PASSWORD", ""), ("ENKASH_PASSWORD_FILE", path)],
    ));
    let of_file = of_file.unwrap();
    let in_place = from(&PASSWORD).unwrap();
    assert!(of_file.has_secret_files() && !in_place.has_secret_files());
    let fingerprint = |config: &Config| config.credentials().map(|of| of.fingerprint([0; 16]));
    for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        fs::write(&file, text).unwrap();
        assert_eq!(
            fingerprint(&of_file).unwrap(),
            fingerprint(&in_place).unwrap()
        );
    }
    // The file is read again each time.
    fs::write(&file, "rotated").unwrap();
    assert_ne!(
        fingerprint(&of_file).unwrap(),
        fingerprint(&in_place).unwrap()
    );
    for useless in ["", "\n"] {
        fs::write(&file, useless).unwrap();
        let error = of_file.credentials().unwrap_err();
        assert_eq!(error.to_string(), "ENKASH_PASSWORD_FILE: the file is empty");
    }
    fs::remove_file(&file).unwrap();
    let error = of_file.credentials().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_PASSWORD_FILE: the file cannot be read"
    );
}

#[test]
fn trailing_newline_of_inline_secret_is_trimmed() {
    let credentials = |text: &str| {
        let config = from(&with(&PASSWORD, &[("ENKASH_PASSWORD", text)])).unwrap();
        config.credentials().unwrap().fingerprint([0; 16])
    };
    for text in ["hunter2\n", "hunter2\r\n"] {
        assert_eq!(credentials(text), credentials("hunter2"));
    }
    assert_ne!(credentials("hunter2 "), credentials("hunter2"));
}

#[test]
fn newline_inside_secret_is_a_setting_error() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let path = file.to_str().unwrap();
    let of_file = with(
        &PASSWORD,
        &[("ENKASH_PASSWORD", ""), ("ENKASH_PASSWORD_FILE", path)],
    );
    let of_file = from(&of_file).unwrap();
    for text in [
        "a\nb",
        "\na",
        "a\n\n",
        "a\r\n\n",
        "a\r",
        "a\0",
        "\u{feff}a",
        "a\u{feff}\n",
    ] {
        fs::write(&file, text).unwrap();
        let in_place = from(&with(&PASSWORD, &[("ENKASH_PASSWORD", text)])).unwrap();
        for (config, key) in [
            (&in_place, "ENKASH_PASSWORD"),
            (&of_file, "ENKASH_PASSWORD_FILE"),
        ] {
            let error = config.credentials().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("{key}: it has a line end, NUL or a byte order mark in it")
            );
        }
    }
    for key in ["ENKASH_ACCESS_KEY", "ENKASH_SECRET_KEY", "ENKASH_API_KEY"] {
        let config = from(&with(&KEYS, &[(key, "a\nb")])).unwrap();
        assert_eq!(config.credentials().unwrap_err().key(), key);
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let more = [
        ("ENKASH_API_KEY", "s3cret-key"),
        ("ENKASH_TOKEN_STORE", "redis://:s3cret@host"),
    ];
    let config = from(&with(&PASSWORD, &more)).unwrap();
    assert_eq!(config.token_store(), Some("redis://:s3cret@host"));
    assert!(config.credentials().is_ok());
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn oversized_secret_file_is_an_error_not_truncated() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    let in_file = [
        ("ENKASH_PASSWORD", ""),
        ("ENKASH_PASSWORD_FILE", file.to_str().unwrap()),
    ];
    let of_file = from(&with(&PASSWORD, &in_file)).unwrap();
    let long = "x".repeat(65_535);
    fs::write(&file, &long).unwrap();
    let in_place = from(&with(&PASSWORD, &[("ENKASH_PASSWORD", &long)])).unwrap();
    let fingerprint = |config: &Config| config.credentials().map(|of| of.fingerprint([0; 16]));
    assert_eq!(
        fingerprint(&of_file).unwrap(),
        fingerprint(&in_place).unwrap()
    );
    fs::write(&file, long + "x").unwrap();
    let error = of_file.credentials().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_PASSWORD_FILE: the file cannot be read"
    );
    let why = error.source().unwrap().to_string();
    assert_eq!(why, "it is 65536 bytes long or longer");
}

#[tokio::test(start_paused = true)]
async fn rejected_password_is_reread_from_file() {
    let kit = Kit::new(rules(300, 10));
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, "old").unwrap();
    let config = from(&[
        ("ENKASH_BASE_URL", BASE),
        ("ENKASH_CLIENT_ID", "client-id"),
        ("ENKASH_CLIENT_SECRET", "client-secret"),
        ("ENKASH_USERNAME", &kit.user),
        ("ENKASH_PASSWORD_FILE", file.to_str().unwrap()),
    ])
    .unwrap();
    let endpoint = TokenEndpoint::with_service(
        config.environment().unwrap(),
        config.credentials().unwrap(),
        SandboxService::new(kit.issuer.clone()),
    );
    let tokens = TokenCache::builder(endpoint.unwrap())
        .config(&config)
        .unwrap();
    let tokens = tokens.clock(TokioClock::new()).build();
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    fs::write(&file, "password").unwrap();
    sleep(Duration::from_secs(6)).await;
    tokens.token().await.unwrap();
}
