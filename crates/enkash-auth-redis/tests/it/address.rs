//! Which URLs are valid, and what `Debug` shows of them.

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::ErrorKind;

fn shown(url: &str) -> String {
    format!("{:?}", RedisStore::new(url).unwrap())
}

#[test]
fn url_sets_host_port_and_database() {
    let store = shown("redis://user:hunter2@cache.example:7000/3");
    let target = r#"host: "cache.example", port: 7000, is_tls: false, database: 3"#;
    assert!(store.contains(target), "{store}");
    assert!(!store.contains("hunter2"), "{store}");
    assert!(shown("redis://cache").contains("port: 6379"));
}

#[cfg(feature = "tls")]
#[test]
fn rediss_scheme_selects_tls() {
    assert!(shown("rediss://cache").contains("is_tls: true"));
}

#[cfg(feature = "tls")]
#[test]
fn bad_certificate_is_named_by_its_number() {
    use std::error::Error as _;

    let certified = rcgen::generate_simple_self_signed(["cache".to_owned()]).unwrap();
    let good = format!("\u{feff}{}", certified.cert.pem());
    let broken = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
    for (bad, why) in [
        (broken, "certificate 2 is broken"),
        (
            "-----BEGIN hunter2\n",
            "certificate 2, or what precedes it, is not PEM",
        ),
    ] {
        let pem = format!("{good}{bad}");
        let error = RedisStore::with_certificates("rediss://cache", pem.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        let source = error.source().unwrap().to_string();
        assert!(source.starts_with(why), "{source}");
        assert!(
            !format!("{error:?} {source}").contains("hunter2"),
            "{source}"
        );
    }
}

#[cfg(not(feature = "tls"))]
#[test]
fn rediss_without_tls_feature_is_an_error() {
    let error = RedisStore::new("rediss://cache").unwrap_err();
    assert!(error.to_string().contains("needs the feature tls"));
}

#[test]
fn invalid_url_is_an_error_that_does_not_repeat_it() {
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
