//! Which URLs are valid, and what `Debug` shows of them.

use enkash_auth_redis::RedisStore;
use enkash_auth_tower::ErrorKind;

fn shown(url: &str) -> String {
    format!("{:?}", RedisStore::new(url).unwrap())
}

#[test]
fn url_sets_host_port_and_database() {
    let store = shown("redis://user:hunter2@cache.example:7000/3");
    let target = r#"nodes: [cache.example:7000], primary: None, is_tls: false, database: 3"#;
    assert!(store.contains(target), "{store}");
    assert!(!store.contains("hunter2"), "{store}");
    assert!(shown("redis://cache").contains("[cache:6379]"));
}

#[test]
fn url_names_several_nodes_and_primary() {
    for (url, target) in [
        (
            "redis-sentinel://user:hunter2@one,[::1]:7000,[::1]/3?master=payouts",
            r#"[one:26379, ::1:7000, ::1:26379], primary: Some("payouts"), is_tls: false, database: 3"#,
        ),
        (
            "redis-cluster://:hunter2@one:7000,two/",
            "[one:7000, two:6379], primary: None, is_tls: false, database: 0",
        ),
        (
            "redis+unix:///run/redis?db=3&pass=hunter2",
            r#"["/run/redis"], primary: None, is_tls: false, database: 3"#,
        ),
        ("unix:/run/redis", r#"["/run/redis"]"#),
    ] {
        let store = shown(url);
        assert!(store.contains(target), "{store}");
        assert!(!store.contains("hunter2"), "{store}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn rediss_scheme_selects_tls() {
    for url in [
        "rediss://cache",
        "rediss-cluster://cache",
        "rediss-sentinel://cache?master=m",
    ] {
        assert!(shown(url).contains("is_tls: true"), "{url}");
    }
}

#[cfg(feature = "tls")]
#[test]
fn bad_certificate_is_named_by_its_number() {
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
        let error = RedisStore::new("rediss://cache")
            .unwrap()
            .certificates(pem.as_bytes())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting);
        let text = error.to_string();
        assert!(text.contains(why), "{text}");
        assert!(!format!("{error:?} {text}").contains("hunter2"), "{text}");
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
        "redis:hunter2",
        "redis://:hunter2@host,host",
        "redis-cluster://:hunter2@host,host/1",
        "redis-cluster://:hunter2@host,,host",
        "redis-sentinel://:hunter2@host/1",
        "redis-sentinel://:hunter2@host/1?master=",
        "redis+unix://hunter2/",
        "unix:///run?db=hunter2",
    ] {
        let error = RedisStore::new(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSetting, "{url}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}
