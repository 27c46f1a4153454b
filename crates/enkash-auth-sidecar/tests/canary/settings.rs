//! Secrets in the wrong setting, and of the wrong type.

use std::cell::RefCell;

use enkash_auth_core::{Environment, Origin};
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{Config, Egress};
use serde_json::json;

use crate::sinks::Canary;

/// Names that are shown on purpose.
const SHOWN: [&str; 3] = ["client_id", "username", "company_id"];

/// Returns every key of the settings except names.
fn keys() -> Vec<String> {
    let asked = RefCell::new(Vec::new());
    let config = Config::from_lookup(|name| {
        let key = name.strip_prefix("ENKASH_").unwrap();
        asked.borrow_mut().push(key.to_ascii_lowercase());
        None
    });
    config.unwrap();
    let mut keys = asked.into_inner();
    assert!(keys.len() >= 27, "{keys:?}");
    keys.retain(|key| !SHOWN.contains(&&**key));
    keys
}

fn look(canary: &Canary, config: &Config) {
    canary.debug((config, config.policy(), config.on_store_down()));
    match config.credentials() {
        Ok(credentials) => canary.debug(credentials),
        Err(error) => drop(canary.error(&error)),
    }
    match config.environment() {
        Ok(environment) => canary.debug(environment),
        Err(error) => drop(canary.error(&error)),
    }
}

#[test]
fn secret_in_wrong_variable_is_not_repeated() {
    let canary = Canary::new();
    for wrong in keys() {
        for secret in [canary.password(&wrong), canary.secret(&wrong)] {
            let good = |name: &str| match name {
                "ENKASH_ENVIRONMENT" => Some("test".to_owned()),
                "ENKASH_CLIENT_ID" | "ENKASH_USERNAME" => Some("name".to_owned()),
                "ENKASH_CLIENT_SECRET" => Some(canary.password("client secret")),
                "ENKASH_PASSWORD" => Some(canary.password("password")),
                _ => None,
            };
            let name = format!("ENKASH_{}", wrong.to_ascii_uppercase());
            let read = Config::from_lookup(|asked| match asked == name {
                true => Some(secret.clone().into()),
                false => good(asked).map(Into::into),
            });
            match read {
                Ok(config) => look(&canary, &config),
                Err(error) => drop(canary.error(&error)),
            }
        }
    }
    canary.assert_silent(&["Debug", "error"]);
}

#[test]
fn secret_of_wrong_type_is_not_repeated() {
    let canary = Canary::new();
    for key in keys() {
        let secret = canary.password(&key);
        let bytes = secret.as_bytes();
        for value in [
            json!([secret]),
            json!({ "a": secret }),
            json!(bytes),
            json!(secret),
        ] {
            match serde_json::from_value::<Config>(json!({ key.as_str(): value })) {
                Ok(config) => look(&canary, &config),
                Err(error) => drop(canary.error(&error)),
            }
        }
        for number in [
            json!(8_675_309_112_233_i64),
            json!(-86_753.091_12),
            json!(true),
        ] {
            if let Err(error) = serde_json::from_value::<Config>(json!({ key.as_str(): number })) {
                assert!(!canary.error(&error).contains("8675"), "{error}");
            }
        }
    }
    canary.assert_silent(&["Debug", "error"]);
}

#[test]
fn secret_in_url_is_not_repeated() {
    let canary = Canary::new();
    let plain = canary.secret("secret in an address").replace('/', "");
    for secret in [plain, canary.password("odd secret in an address")] {
        for address in [
            secret.clone(),
            format!("https://user:{secret}@host"),
            format!("https://host/?key={secret}"),
            format!("https://host/#{secret}"),
            format!("{secret}://host"),
            format!("https://host:{secret}"),
            format!("redis://:{secret}@host"),
            format!("redis://:{secret}@host/x"),
            format!("rediss://{secret}"),
            format!("http://gate:{secret}@proxy.example:3128"),
            format!("socks5://gate:{secret}@proxy.example"),
        ] {
            let record = |error: &(dyn std::error::Error + 'static)| drop(canary.error(error));
            if let Err(error) = Environment::custom(&address) {
                record(&error);
            }
            if let Err(error) = address.parse::<Origin>() {
                record(&error);
            }
            let lookup = |name: &str| (name == "HTTPS_PROXY").then(|| address.clone().into());
            for egress in [
                Egress::from_lookup(lookup),
                Egress::direct().proxy(&address),
            ] {
                match egress {
                    // Hosts are shown on purpose.
                    Ok(egress) if !address.ends_with(&secret) => canary.debug(egress),
                    Ok(_) => {}
                    Err(error) => record(&error),
                }
            }
            match RedisStore::new(&address) {
                Ok(store) if !address.ends_with(&secret) => canary.debug(store),
                Ok(_) => {}
                Err(error) => record(&error),
            }
        }
    }
    canary.assert_silent(&["Debug", "error"]);
}
