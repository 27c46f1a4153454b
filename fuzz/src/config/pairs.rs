//! Settings that every format can express.

use std::{cell::RefCell, collections::BTreeMap, sync::LazyLock};

use enkash_auth_tower::{Config, ConfigError};

use super::{NUMBER, SECRET, accepted, hides};

const SECRETS: [&str; 6] = [
    "client_secret",
    "password",
    "access_key",
    "secret_key",
    "api_key",
    "token_store",
];

/// The keys that are looked up in an environment, except those of files.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let asked = RefCell::new(Vec::new());
    let none = Config::from_lookup(|name| {
        asked.borrow_mut().push(key_of(name));
        None
    });
    assert!(none.is_ok());
    let mut keys = asked.into_inner();
    keys.retain(|key| !key.ends_with("_file"));
    keys
});

fn key_of(name: &str) -> String {
    name.trim_start_matches("ENKASH_").to_ascii_lowercase()
}

/// Checks that a file and an environment give the same settings, under different key names.
pub(super) fn check(text: &str) {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let pairs: BTreeMap<&str, &str> = pairs
        .filter(|(key, _)| KEYS.iter().any(|known| known == key))
        .collect();
    let json = serde_json::to_string(&pairs).expect("it is text");
    let toml = toml::to_string(&pairs).expect("it is text");
    let from_json = serde_json::from_str::<Config>(&json);
    let from_toml = toml::from_str::<Config>(&toml);
    let from_environment = Config::from_lookup(|name| pairs.get(&*key_of(name)).map(Into::into));
    if let Err(error) = &from_environment {
        hides(&crate::text::shown(error));
    }
    let is_named = |(key, value): (&&str, &&str)| {
        !SECRETS.contains(key) && (value.contains(SECRET) || value.contains(NUMBER))
    };
    let configs = [from_json.ok(), from_toml.ok(), from_environment.ok()];
    let meanings = configs.map(|config| {
        let config = config?;
        if !pairs.iter().any(is_named) {
            hides(&format!("{config:?}"));
        }
        Some(meaning(&config))
    });
    let [first, others @ ..] = &meanings;
    assert!(
        others.iter().all(|other| other == first),
        "{pairs:?}: {meanings:?}"
    );
}

/// Returns all parsed settings, without the names of the keys.
fn meaning(config: &Config) -> String {
    let (environment, credentials) = accepted(config);
    let credentials = credentials.map(|credentials| credentials.fingerprint([0; 16]));
    format!(
        "{:?} {:?} {:?} {:?} {:?}",
        config.policy().map_err(key),
        config.on_store_down(),
        config.token_store(),
        environment.map_err(key),
        credentials.map_err(key),
    )
}

fn key(error: ConfigError) -> String {
    key_of(error.key())
}
