//! What is an address of a server, and what the store shows of it.

use enkash_auth_core::ErrorKind;
use enkash_auth_redis::RedisStore;

fn shown(url: &str) -> String {
    format!("{:?}", RedisStore::new(url).unwrap())
}

#[test]
fn address_has_a_host_a_port_and_a_database() {
    let store = shown("redis://user:hunter2@cache.example:7000/3");
    let target = r#"host: "cache.example", port: 7000, is_tls: false, database: 3"#;
    assert!(store.contains(target), "{store}");
    assert!(!store.contains("hunter2"), "{store}");
    assert!(shown("redis://cache").contains("port: 6379"));
}

#[cfg(feature = "tls")]
#[test]
fn tls_is_asked_for_by_the_scheme() {
    assert!(shown("rediss://cache").contains("is_tls: true"));
}

#[cfg(not(feature = "tls"))]
#[test]
fn tls_needs_the_feature() {
    let error = RedisStore::new("rediss://cache").unwrap_err();
    assert!(error.to_string().contains("needs the feature tls"));
}

#[test]
fn what_is_no_address_is_refused_without_repeating_it() {
    for url in [
        "",
        "hunter2",
        "http://:hunter2@host",
        "redis://",
        "redis://:hunter2@",
        "redis://:hunter2@host/x",
        "redis://:hunter2@host:hunter2",
        "redis://:hunter2@host#insecure",
        "redis+unix:///hunter2",
    ] {
        let error = RedisStore::new(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
