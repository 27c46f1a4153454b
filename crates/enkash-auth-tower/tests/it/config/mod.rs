//! Settings, and the errors of invalid ones.

mod secret;

use std::{error::Error as _, ffi::OsString, time::Duration};

use enkash_auth_tower::{Config, ConfigError, OnStoreDown, TokenCache};

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

fn from(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        // The last one wins, so that a test can overwrite.
        let found = variables.iter().rev().find(|(known, _)| *known == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

/// Returns the base URL that the variables result in.
fn read(variables: &[(&str, &str)]) -> Result<String, ConfigError> {
    let config = from(variables)?;
    let environment = config.environment()?;
    let base = environment.base_url(&config.credentials()?);
    Ok(base.unwrap().to_string())
}

fn with<'a>(
    variables: &[(&'a str, &'a str)],
    more: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    [variables, more].concat()
}

#[test]
fn password_settings_suffice() {
    assert_eq!(read(&PASSWORD).unwrap(), "https://ekpayout-uat.enkash.in");
}

#[test]
fn merchant_keys_select_their_own_base_url() {
    assert_eq!(read(&KEYS).unwrap(), "https://olympus-pg.enkash.in");
}

#[test]
fn base_url_overrides_environment() {
    let base = ("ENKASH_BASE_URL", "http://127.0.0.1:8788/");
    assert_eq!(
        read(&with(&PASSWORD, &[base])).unwrap(),
        "http://127.0.0.1:8788"
    );
}

#[test]
fn blank_value_means_unset() {
    let blank = [("ENKASH_BASE_URL", " "), ("ENKASH_ACCESS_KEY", "")];
    read(&with(&PASSWORD, &blank)).unwrap();
    let error = read(&with(&PASSWORD, &[("ENKASH_PASSWORD", "\t ")])).unwrap_err();
    assert_eq!(error.to_string(), "ENKASH_PASSWORD: not set");
    let error = serde_json::from_str::<Config>(
        r#"{"environment": "test", "client_id": "id", "client_secret": "s", "username": "u", "password": " "}"#,
    );
    let error = error.unwrap().credentials().unwrap_err();
    assert_eq!(error.to_string(), "password: not set");
    let file: Config = serde_json::from_str(
        r#"{"fetch_timeout": "", "retry_unresolved_after": " ", "on_store_down": "", "keep_warm": "",
            "attempts": "\t"}"#,
    )
    .unwrap();
    let unset = Config::default();
    assert_eq!(
        format!("{:?}", file.policy().unwrap()),
        format!("{:?}", unset.policy().unwrap())
    );
    assert_eq!(file.on_store_down(), unset.on_store_down());
}

#[test]
fn missing_key_is_named() {
    for required in [&PASSWORD[1..], &KEYS[1..]].concat() {
        let family = if PASSWORD.contains(&required) {
            &PASSWORD[..]
        } else {
            &KEYS[..]
        };
        let error = read(&with(family, &[(required.0, "")])).unwrap_err();
        assert_eq!(error.key(), required.0);
    }
}

#[test]
fn missing_alternatives_are_both_named() {
    let error = read(&PASSWORD[1..]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_BASE_URL: not set, and neither is ENKASH_ENVIRONMENT"
    );
    let error = from(&PASSWORD[..1]).unwrap().credentials().unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_CLIENT_ID: not set, and neither is ENKASH_ACCESS_KEY"
    );
}

#[test]
fn contradicting_keys_are_named() {
    for (more, text) in [
        (
            ("ENKASH_SECRET_KEY", "x"),
            "ENKASH_SECRET_KEY: contradicts ENKASH_CLIENT_ID, unset one",
        ),
        (
            ("ENKASH_ACCESS_KEY_FILE", "x"),
            "ENKASH_ACCESS_KEY_FILE: contradicts ENKASH_CLIENT_ID, unset one",
        ),
        (
            ("ENKASH_PASSWORD_FILE", "x"),
            "ENKASH_PASSWORD_FILE: contradicts ENKASH_PASSWORD, unset one",
        ),
    ] {
        assert_eq!(
            read(&with(&PASSWORD, &[more])).unwrap_err().to_string(),
            text
        );
    }
    let error = read(&with(&KEYS, &[("ENKASH_COMPANY_ID", "CEK1")])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ENKASH_ACCESS_KEY: contradicts ENKASH_COMPANY_ID, unset one"
    );
}

#[test]
fn invalid_value_names_its_key_and_is_not_shown() {
    for (name, value) in [
        ("ENKASH_BASE_URL", "http://visible.example"),
        ("ENKASH_ENVIRONMENT", "visible"),
        ("ENKASH_CLIENT_ID", "vis:ible"),
        ("ENKASH_API_KEY", "visi\nble"),
        ("ENKASH_FETCH_TIMEOUT", "visible"),
        ("ENKASH_RETRY_UNRESOLVED_AFTER", "visible"),
        ("ENKASH_KEEP_WARM", "visible"),
        ("ENKASH_ATTEMPTS", "visible"),
        ("ENKASH_MAX_WAITERS", "-1"),
        ("ENKASH_ON_STORE_DOWN", "visible"),
        ("ENKASH_PASSWORD_FILE", "/visible/nowhere"),
    ] {
        let error = read(&with(&PASSWORD, &[(name, value)])).unwrap_err();
        assert_eq!(error.key(), name);
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
fn value_of_wrong_type_is_an_error_and_not_shown() {
    for key in [
        "password",
        "username",
        "password_file",
        "fetch_timeout",
        "attempts",
    ] {
        for value in ["-8675309.5", "86753098675309", "867530986753098675309"] {
            let file = format!(r#"{{"{key}": {value}}}"#);
            let error = serde_json::from_str::<Config>(&file).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("8675309"), "{error}");
        }
    }
    let error = serde_json::from_str::<Config>(r#"{"secret_key": 8675309}"#).unwrap_err();
    assert_eq!(error.to_string(), "not text in quotes at line 1 column 22");
}

#[test]
fn list_value_is_an_error_that_names_the_expected_type() {
    for (key, what) in [
        ("username", "text in quotes"),
        ("password", "text in quotes"),
        ("fetch_timeout", "a duration"),
        ("attempts", "a whole number"),
        ("keep_warm", "true or false"),
    ] {
        let file = format!(r#"{{"{key}": []}}"#);
        let text = serde_json::from_str::<Config>(&file)
            .unwrap_err()
            .to_string();
        let said = format!("invalid type: sequence, expected {what}");
        assert!(text.starts_with(&said), "{key}: {text}");
    }
}

#[test]
fn owned_strings_deserialize_like_borrowed_ones() {
    let file = serde_json::json!({
        "environment": "test", "access_key": "key", "secret_key": "secret", "attempts": 2,
    });
    let config: Config = serde_json::from_value(file).unwrap();
    assert_eq!(config.policy().unwrap().attempts, 2);
    assert!(config.environment().is_ok() && config.credentials().is_ok());
    let negative = serde_json::json!({ "attempts": -1 });
    let error = serde_json::from_value::<Config>(negative).unwrap_err();
    assert!(
        error.to_string().starts_with("not a whole number"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn non_utf8_value_is_an_error_that_names_its_key() {
    use std::os::unix::ffi::OsStringExt;

    let error = Config::from_lookup(|name| {
        (name == "ENKASH_BASE_URL").then(|| OsString::from_vec(vec![0x68, 0xff]))
    });
    assert_eq!(error.unwrap_err().to_string(), "ENKASH_BASE_URL: not UTF-8");
}

#[test]
fn unknown_key_is_an_error_and_all_others_have_variables() {
    let error = serde_json::from_str::<Config>(r#"{"pasword": "x"}"#).unwrap_err();
    let text = error.to_string();
    let keys: Vec<&str> = text.split('`').skip(3).step_by(2).collect();
    assert!(
        text.contains("`pasword`") && keys.contains(&"password"),
        "{text}"
    );
    for key in keys {
        let name = format!("ENKASH_{}", key.to_uppercase());
        let asked = std::cell::Cell::new(false);
        let lookup = |asked_for: &str| {
            asked.set(asked.get() | (asked_for == name));
            None
        };
        Config::from_lookup(lookup).unwrap();
        assert!(asked.get(), "{name}");
    }
}

#[test]
fn zero_limit_is_an_error_that_names_the_setting() {
    for (key, value) in [
        ("fetch_timeout", "0s"),
        ("wait_timeout", "0ms"),
        ("attempts", "0"),
        ("max_waiters", "0"),
    ] {
        let name = format!("ENKASH_{}", key.to_uppercase());
        let environment = from(&[(&name, value)]).unwrap();
        let file: Config = serde_json::from_str(&format!(r#"{{"{key}": "{value}"}}"#)).unwrap();
        for (config, key) in [(environment, &*name), (file, key)] {
            let error = config.policy().unwrap_err();
            assert_eq!(error.key(), key);
            assert_eq!(error.to_string(), format!("{key}: must not be zero"));
            let endpoint = crate::support::endpoint(|_| std::future::pending());
            let error = TokenCache::builder(endpoint).config(&config).unwrap_err();
            assert_eq!(error.key(), key);
        }
    }
}

#[test]
fn durations_parse_in_humantime_format() {
    let file: Config = serde_json::from_str(
        r#"{"fetch_timeout": "1500ms", "wait_timeout": "2m 30s", "retry_unresolved_after": "never",
            "keep_warm": true, "attempts": 1, "max_waiters": 100, "on_store_down": "attempt",
            "store_timeout": "2s"}"#,
    )
    .unwrap();
    let environment = from(&[
        ("ENKASH_FETCH_TIMEOUT", "1500ms"),
        ("ENKASH_WAIT_TIMEOUT", "2m 30s"),
        ("ENKASH_RETRY_UNRESOLVED_AFTER", "never"),
        ("ENKASH_KEEP_WARM", "true"),
        ("ENKASH_ATTEMPTS", "1"),
        ("ENKASH_MAX_WAITERS", "100"),
        ("ENKASH_ON_STORE_DOWN", "attempt"),
        ("ENKASH_STORE_TIMEOUT", "2s"),
    ]);
    for config in [file, environment.unwrap()] {
        let policy = config.policy().unwrap();
        assert_eq!(policy.fetch_timeout, Duration::from_millis(1_500));
        assert_eq!(policy.wait_timeout, Duration::from_secs(150));
        assert_eq!(policy.retry_unresolved_after, None);
        assert!(policy.keep_warm);
        assert_eq!((policy.attempts, policy.max_waiters), (1, 100));
        assert_eq!(config.on_store_down(), OnStoreDown::Attempt);
        assert_eq!(config.store_timeout(), Some(Duration::from_secs(2)));
    }
    let policy = from(&[("ENKASH_RETRY_UNRESOLVED_AFTER", "1h")])
        .unwrap()
        .policy()
        .unwrap();
    assert_eq!(
        policy.retry_unresolved_after,
        Some(Duration::from_secs(3600))
    );
}

#[test]
fn cache_from_variables_opens_the_named_store() {
    let directory = tempfile::tempdir().unwrap();
    let cache = |store: &str| {
        TokenCache::from_lookup(|name| match name {
            "ENKASH_TOKEN_STORE" => Some(store.into()),
            _ => KEYS
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into()),
        })
    };
    let records = directory.path().join("records");
    cache(&format!("file:{}", records.display())).unwrap();
    assert!(records.is_dir());
    cache("memory").unwrap();
    cache(" ").unwrap();
    let store = format!("file:{}", records.display());
    let config = |timeout| {
        let variables = [
            ("ENKASH_TOKEN_STORE", store.as_str()),
            ("ENKASH_STORE_TIMEOUT", timeout),
        ];
        from(&variables).unwrap().store()
    };
    config("5s").unwrap();
    let error = config("6s").unwrap_err();
    assert!(
        error.to_string().contains("ENKASH_STORE_TIMEOUT"),
        "{error}"
    );
    for store in [
        "file:records",
        "file:~/records",
        "file:",
        "redis://:hunter2@cache",
        "memory:1",
        "none",
    ] {
        let error = cache(store).unwrap_err();
        let text = "invalid setting: ENKASH_TOKEN_STORE: neither memory nor file: and an absolute path (~ is not expanded)";
        assert_eq!(error.to_string(), text, "{store}");
    }
}
