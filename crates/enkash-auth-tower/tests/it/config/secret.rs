//! Secrets, in place and in files.

use std::{error::Error as _, fs};

use enkash_auth_tower::Config;

use super::{PASSWORD, from, with};

#[test]
fn a_secret_from_a_file_is_the_same_as_one_in_place() {
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
    let fingerprint = |config: &Config| config.credentials().map(|of| of.fingerprint(&[0; 32]));
    for text in ["hunter2", "hunter2\n", "hunter2\r\n"] {
        fs::write(&file, text).unwrap();
        assert_eq!(
            fingerprint(&of_file).unwrap(),
            fingerprint(&in_place).unwrap()
        );
    }
    // It is read again each time.
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
fn nothing_secret_is_shown() {
    let more = [
        ("ENKASH_API_KEY", "s3cret-key"),
        ("ENKASH_TOKEN_STORE", "redis://:s3cret@host"),
    ];
    let config = from(&with(&PASSWORD, &more)).unwrap();
    assert_eq!(config.token_store(), Some("redis://:s3cret@host"));
    let shown = format!("{config:?}");
    assert!(
        !shown.contains("s3cret") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn a_part_of_a_file_is_never_taken_for_the_secret() {
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
    let fingerprint = |config: &Config| config.credentials().map(|of| of.fingerprint(&[0; 32]));
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
