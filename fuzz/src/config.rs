//! Settings, from a file or an environment.
//!
//! ```text
//! pairs
//! environment=test
//! access_key=key
//! secret_key=~s
//! fetch_timeout=5s
//! ```
//!
//! The first line names the format of the rest: `json` or `toml`, of any shape, or `pairs`, which mean the
//! same in either and in an environment. `~s` stands for a secret, `~n` for a numeric one.

mod pairs;

use enkash_auth_core::TokenRequest;
use enkash_auth_tower::{BaseUrl, Config, ConfigError, Credentials, Environment};
use serde_json::{Map, Value};

use crate::text;

const SECRET: &str = "Zq6&\\'secret";
const NUMBER: &str = "918273645546372819";

/// Checks that no error shows a value, and that settings mean the same in every format.
pub fn check(input: &[u8]) {
    let Ok(input) = std::str::from_utf8(input) else {
        return;
    };
    let Some((form, rest)) = input.split_once('\n') else {
        return;
    };
    match form {
        "json" => {
            let json = text::fill(rest, &[('s', &text::json(SECRET)), ('n', NUMBER)]);
            match serde_json::from_str::<Config>(&json) {
                Ok(config) => drop(accepted(&config)),
                Err(error) if is_object(&json) => hides(&text::shown(&error)),
                Err(_) => {}
            }
        }
        "toml" => {
            let toml = text::fill(rest, &[('s', &text::json(SECRET)), ('n', NUMBER)]);
            match toml::from_str::<Config>(&toml) {
                Ok(config) => drop(accepted(&config)),
                // The rest of the error's text is an excerpt of the file.
                Err(error) if is_table(&toml) => hides(error.message()),
                Err(_) => {}
            }
        }
        "pairs" => pairs::check(&text::fill(rest, &[('s', SECRET), ('n', NUMBER)])),
        _ => {}
    }
}

/// Returns whether this is JSON without secrets as keys: unknown keys are shown.
fn is_object(json: &str) -> bool {
    let object = serde_json::from_str::<Map<String, Value>>(json);
    object.is_ok_and(|object| object.keys().all(|key| is_harmless(key)))
}

fn is_table(toml: &str) -> bool {
    let table = toml::from_str::<toml::Table>(toml);
    table.is_ok_and(|table| table.keys().all(|key| is_harmless(key)))
}

fn is_harmless(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    !key.contains(&SECRET.to_ascii_lowercase()) && !key.contains(NUMBER)
}

#[track_caller]
fn hides(shown: &str) {
    for secret in [SECRET, NUMBER] {
        text::hides(shown, secret, &"a setting");
    }
}

/// Checks that parsed settings can be used, or that an error says why not.
fn accepted(
    config: &Config,
) -> (
    Result<Environment, ConfigError>,
    Result<Credentials, ConfigError>,
) {
    match config.policy() {
        Ok(policy) => {
            let over = config.policy_over(policy.clone());
            assert_eq!(format!("Ok({policy:?})"), format!("{over:?}"));
        }
        Err(error) => hides(&text::shown(&error)),
    }
    let environment = config.environment();
    let credentials = config.credentials();
    for error in [environment.as_ref().err(), credentials.as_ref().err()] {
        error
            .into_iter()
            .for_each(|error| hides(&text::shown(error)));
    }
    if let (Ok(environment), Ok(credentials)) = (&environment, &credentials) {
        let base = environment
            .base_url(credentials)
            .expect("it has an address");
        assert!(TokenRequest::new(&base, credentials).is_ok(), "{base}");
        let again = base.as_str().parse::<BaseUrl>().expect("it is one still");
        assert_eq!(again, base);
    }
    (environment, credentials)
}
