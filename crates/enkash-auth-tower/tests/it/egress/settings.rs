//! The proxy variables, valid and invalid.

use std::ffi::OsString;

use enkash_auth_tower::{Egress, Error, ErrorKind};
use http::Uri;

const TARGET: &str = "https://api.enkash.in/oauth/token";

fn read(variables: &[(&str, &str)]) -> Result<Egress, Error> {
    Egress::from_lookup(|name| {
        let mut found = variables.iter().filter(|(variable, _)| *variable == name);
        found.next().map(|(_, value)| value.into())
    })
}

fn proxy_for(egress: &Egress, target: &str) -> Option<String> {
    let target: Uri = target.parse().unwrap();
    egress.proxy_for(&target).map(Uri::to_string)
}

#[test]
fn proxy_variables_are_read_in_order_of_curl() {
    let all = [
        ("https_proxy", "http://one"),
        ("HTTPS_PROXY", "http://two"),
        ("all_proxy", "http://three"),
        ("ALL_PROXY", "http://four"),
        ("HTTP_PROXY", "http://never"),
        ("http_proxy", "http://never"),
    ];
    let expected = [
        "http://one/",
        "http://two/",
        "http://three/",
        "http://four/",
    ];
    for (skipped, expected) in expected.into_iter().enumerate() {
        let egress = read(&all[skipped..]).unwrap();
        assert_eq!(proxy_for(&egress, TARGET).as_deref(), Some(expected));
    }
    assert_eq!(proxy_for(&read(&all[4..]).unwrap(), TARGET), None);
    let blank = read(&[
        ("https_proxy", " "),
        ("HTTPS_PROXY", "http://two"),
        ("no_proxy", ""),
    ]);
    assert_eq!(
        proxy_for(&blank.unwrap(), TARGET).as_deref(),
        Some("http://two/")
    );
    let lower = read(&[
        ("HTTPS_PROXY", "a"),
        ("no_proxy", "x"),
        ("NO_PROXY", "enkash.in"),
    ]);
    assert_eq!(
        proxy_for(&lower.unwrap(), TARGET).as_deref(),
        Some("http://a/")
    );
}

#[test]
fn proxy_urls_parse_as_in_curl() {
    for (written, expected) in [
        ("http://proxy.example:3128", "http://proxy.example:3128/"),
        ("http://proxy.example:3128/", "http://proxy.example:3128/"),
        ("https://proxy.example", "https://proxy.example/"),
        ("proxy.example:3128", "http://proxy.example:3128/"),
        ("proxy", "http://proxy/"),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128/"),
        ("http://user:p%40ss@proxy:3128", "http://proxy:3128/"),
        ("user:pass@proxy:3128", "http://proxy:3128/"),
        (" http://proxy ", "http://proxy/"),
    ] {
        let egress = read(&[("HTTPS_PROXY", written)]).unwrap();
        let proxy = proxy_for(&egress, TARGET);
        assert_eq!(proxy.as_deref(), Some(expected), "{written}");
    }
}

#[test]
fn invalid_proxy_is_an_error_without_its_value() {
    for value in [
        "http://",
        "://",
        "http://user:s3cret@",
        "socks5://user:s3cret@proxy:1080",
        "ftp://proxy",
        "http://proxy:99999",
        "http://proxy:",
        "http://proxy:port",
        "http://user:s3cret@proxy:31 28",
        // A password that is not escaped: a part of it would be taken for the host.
        "http://user:12/s3cret@proxy:3128",
        "http://user:12?s3cret@proxy:3128",
        "http://user:12#s3cret@proxy:3128",
        "http://user:pa@s3cret@proxy:3128",
        "http://user:12\\s3cret@proxy:3128",
        "http://proxy/s3cret",
    ] {
        for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidSetting);
            let text = format!("{error} {error:?}");
            assert!(text.contains(&format!("{name}: ")), "{text}");
            assert!(!text.contains("s3cret"), "{text}");
        }
        let error = Egress::direct().proxy(value).unwrap_err();
        assert!(error.to_string().contains("proxy: "), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn non_utf8_variable_is_an_error_that_names_it() {
    use std::os::unix::ffi::OsStringExt;

    for name in ["HTTPS_PROXY", "NO_PROXY"] {
        let error = Egress::from_lookup(|asked| {
            (asked == name).then(|| OsString::from_vec(b"http://\xff".to_vec()))
        });
        assert!(error.unwrap_err().to_string().contains(name));
    }
}

#[test]
fn debug_output_shows_no_proxy_credentials() {
    let egress = read(&[("HTTPS_PROXY", "http://user:s3cret@proxy:3128")]).unwrap();
    let connector = egress.connector(std::time::Duration::from_secs(1)).unwrap();
    for printed in [format!("{egress:?}"), format!("{connector:?}")] {
        assert!(printed.contains("http://proxy:3128/"), "{printed}");
        assert!(!printed.contains("s3cret") && !printed.contains("dXNlcjpzM2NyZXQ="));
    }
}

#[test]
fn no_proxy_hosts_bypass_the_proxy() {
    for (list, targets, straight) in [
        (
            "enkash.in",
            vec!["https://enkash.in", "https://API.enkash.in/a"],
            true,
        ),
        (".enkash.in", vec!["https://api.enkash.in"], true),
        ("*.enkash.in", vec!["https://api.enkash.in"], true),
        ("ENKASH.IN", vec!["https://api.enkash.in"], true),
        ("*enkash.in", vec!["https://api.enkash.in"], false),
        (
            "enkash.in",
            vec!["https://notenkash.in", "https://enkash.in.example"],
            false,
        ),
        ("a.example,enkash.in", vec!["https://api.enkash.in"], true),
        ("a.example  enkash.in", vec!["https://api.enkash.in"], true),
        (
            "enkash.in:443",
            vec!["https://api.enkash.in", "https://enkash.in:443"],
            true,
        ),
        ("enkash.in:8443", vec!["https://api.enkash.in:8443"], true),
        ("enkash.in:8443", vec!["https://api.enkash.in"], false),
        ("192.0.2.7", vec!["https://192.0.2.7"], true),
        ("192.0.2.7", vec!["https://192.0.2.8"], false),
        ("192.0.2.7:443", vec!["https://192.0.2.7"], true),
        ("192.0.2.0/24", vec!["https://192.0.2.8:8443"], true),
        (
            "192.0.2.0/24",
            vec!["https://192.0.3.8", "https://api.enkash.in"],
            false,
        ),
        ("2001:db8::1", vec!["https://[2001:db8::1]"], true),
        ("[2001:db8::1]", vec!["https://[2001:db8::1]"], true),
        (
            "[2001:db8::1]:8443",
            vec!["https://[2001:db8::1]:8443"],
            true,
        ),
        ("[2001:db8::1]:8443", vec!["https://[2001:db8::1]"], false),
        ("2001:db8::/32", vec!["https://[2001:db8:1::1]"], true),
        (
            "*",
            vec![
                "https://api.enkash.in",
                "https://192.0.2.7",
                "https://[2001:db8::1]",
            ],
            true,
        ),
        ("", vec!["https://api.enkash.in"], false),
    ] {
        let egress = read(&[("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", list)]).unwrap();
        for target in targets {
            let proxy = proxy_for(&egress, target);
            assert_eq!(proxy.is_none(), straight, "{list}: {target}");
        }
    }
}

#[test]
fn loopback_and_plain_http_bypass_the_proxy() {
    let egress = read(&[("ALL_PROXY", "http://proxy"), ("NO_PROXY", "a.example")]).unwrap();
    for target in [
        "https://localhost:8443",
        "https://LOCALHOST",
        "https://sandbox.localhost",
        "https://127.0.0.1",
        "https://127.9.9.9:1",
        "https://[::1]:8443",
        "https://[::ffff:127.0.0.1]",
        "http://127.0.0.1:8080",
        "http://api.enkash.in",
    ] {
        assert_eq!(proxy_for(&egress, target), None, "{target}");
    }
    assert!(proxy_for(&egress, "https://localhost.example").is_some());
    assert!(proxy_for(&egress, "https://[::ffff:192.0.2.7]").is_some());
}
