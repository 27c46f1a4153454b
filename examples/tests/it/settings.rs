//! What the environment may say, and what is said when it cannot be so.

use std::{error::Error as _, ffi::OsString};

use enkash_auth_examples::{SettingError, Settings, StoreSetting};

const PASSWORD: [(&str, &str); 5] = [
    ("ENKASH_ENVIRONMENT", "test"),
    ("ENKASH_CLIENT_ID", "client-id"),
    ("ENKASH_CLIENT_SECRET", "s3cret"),
    ("ENKASH_USERNAME", "user@example.com"),
    ("ENKASH_PASSWORD", "hunter2"),
];

const KEYS: [(&str, &str); 3] = [
    ("ENKASH_ENVIRONMENT", "live"),
    ("ENKASH_ACCESS_KEY", "access"),
    ("ENKASH_SECRET_KEY", "secret"),
];

fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingError> {
    Settings::read(|name| {
        // The last one wins, so that a test can overwrite.
        let found = variables.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

fn base(settings: &Settings) -> String {
    let base = settings.environment().base_url(settings.credentials());
    base.unwrap().to_string()
}

fn with(
    variables: &[(&'static str, &'static str)],
    more: &[(&'static str, &'static str)],
) -> Vec<(&'static str, &'static str)> {
    [variables, more].concat()
}

#[test]
fn a_password_is_enough() {
    let settings = read(&PASSWORD).unwrap();
    assert_eq!(base(&settings), "https://ekpayout-uat.enkash.in");
}

#[test]
fn merchant_keys_have_an_address_of_their_own() {
    let settings = read(&KEYS).unwrap();
    assert_eq!(base(&settings), "https://olympus-pg.enkash.in");
}

#[test]
fn a_base_url_goes_before_the_environment() {
    let settings = read(&with(
        &PASSWORD,
        &[("ENKASH_BASE_URL", "http://127.0.0.1:8788/")],
    ));
    assert_eq!(base(&settings.unwrap()), "http://127.0.0.1:8788");
}

#[test]
fn blank_means_unset() {
    let blank = [("ENKASH_BASE_URL", " "), ("ENKASH_ACCESS_KEY", "")];
    assert!(read(&with(&PASSWORD, &blank)).is_ok());
    let error = read(&with(&PASSWORD, &[("ENKASH_PASSWORD", "\t ")])).unwrap_err();
    assert_eq!(error.to_string(), "ENKASH_PASSWORD: not set");
}

#[test]
fn each_missing_variable_is_named() {
    for required in [&PASSWORD[1..], &KEYS[1..]].concat() {
        let family = if PASSWORD.contains(&required) {
            &PASSWORD[..]
        } else {
            &KEYS[..]
        };
        let error = read(&with(family, &[(required.0, "")])).unwrap_err();
        assert_eq!(error.variable(), required.0);
    }
}

#[test]
fn one_of_two_is_asked_for() {
    let error = read(&PASSWORD[1..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_BASE_URL: not set, and neither is ENKASH_ENVIRONMENT"
    );
    let error = read(&PASSWORD[..1]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_CLIENT_ID: not set, and neither is ENKASH_ACCESS_KEY"
    );
}

#[test]
fn two_kinds_of_credentials_contradict_each_other() {
    let error = read(&with(&PASSWORD, &[("ENKASH_SECRET_KEY", "secret")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_SECRET_KEY: contradicts ENKASH_CLIENT_ID, unset one"
    );
    let error = read(&with(&KEYS, &[("ENKASH_COMPANY_ID", "CEK1")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_ACCESS_KEY: contradicts ENKASH_COMPANY_ID, unset one"
    );
}

#[test]
fn what_cannot_be_used_is_named_and_not_shown() {
    for (name, value) in [
        ("ENKASH_BASE_URL", "http://visible.example"),
        ("ENKASH_ENVIRONMENT", "visible"),
        ("ENKASH_CLIENT_ID", "vis:ible"),
        ("ENKASH_API_KEY", "visi\nble"),
    ] {
        let error = read(&with(&PASSWORD, &[(name, value)])).unwrap_err();
        assert_eq!(error.variable(), name);
        let mut texts = vec![format!("{error:?}"), error.to_string()];
        texts.extend(error.source().map(ToString::to_string));
        for text in texts {
            assert!(!text.contains("visi"), "{text}");
            assert_eq!(text.lines().count(), 1);
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_not_utf_8_is_named() {
    use std::os::unix::ffi::OsStringExt;

    let error = Settings::read(|name| {
        (name == "ENKASH_BASE_URL").then(|| OsString::from_vec(vec![0x68, 0xff]))
    });
    assert_eq!(
        error.unwrap_err().to_string(),
        "ENKASH_BASE_URL: it is not UTF-8"
    );
}

#[test]
fn a_store_is_memory_or_a_directory() {
    let store = |value| {
        let settings = read(&with(&PASSWORD, &[("ENKASH_TOKEN_STORE", value)]));
        settings.map(|settings| settings.store().clone())
    };
    assert_eq!(store("memory").unwrap(), StoreSetting::Memory);
    assert_eq!(
        store("file:/a b").unwrap(),
        StoreSetting::File("/a b".into())
    );
    for unusable in [
        "file", "file:", "file: ", "Memory", "memory:x", "redis", "/tmp/x",
    ] {
        let error = store(unusable).unwrap_err();
        assert_eq!(error.variable(), "ENKASH_TOKEN_STORE");
        assert!(!error.to_string().contains("/tmp"), "{error}");
    }
}

#[test]
fn an_unset_store_is_in_the_state_directory_of_the_user() {
    let usual = |paths: &[(&'static str, &'static str)]| {
        let settings = read(&with(&PASSWORD, paths)).unwrap();
        settings.store().clone()
    };
    let at = |path: &str| StoreSetting::Usual(Some(path.into()));
    let (state, home) = (("XDG_STATE_HOME", "/state"), ("HOME", "/home/a"));
    assert_eq!(usual(&[state, home]), at("/state/enkash-auth"));
    assert_eq!(usual(&[home]), at("/home/a/.local/state/enkash-auth"));
    // A relative one counts as none.
    let relative = ("XDG_STATE_HOME", "state");
    assert_eq!(
        usual(&[relative, home]),
        at("/home/a/.local/state/enkash-auth")
    );
    assert_eq!(usual(&[relative, ("HOME", "")]), StoreSetting::Usual(None));
    assert_eq!(usual(&[]), StoreSetting::Usual(None));
    assert_eq!(
        usual(&[("ENKASH_TOKEN_STORE", " "), home]),
        at("/home/a/.local/state/enkash-auth")
    );
}
