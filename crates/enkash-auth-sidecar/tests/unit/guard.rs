use super::*;

/// A guard, and the local address of a connection.
struct At(Guard, SocketAddr);

impl At {
    fn is(&self, authority: &str) -> bool {
        self.0.is(authority, Some(self.1))
    }

    fn leads_here(&self, authority: &str) -> bool {
        self.0.leads_here(authority)
    }
}

fn guard(listener: &str, local: &str) -> At {
    let guard = Guard::new(&listener.parse().unwrap(), &[], None, 0);
    At(guard, local.parse().unwrap())
}

#[test]
fn host_of_the_connection_is_allowed() {
    let guard = guard("127.0.0.1:8787", "127.0.0.1:8787");
    for ours in ["127.0.0.1:8787", "localhost:8787", "LOCALHOST:8787"] {
        assert!(guard.is(ours), "{ours}");
    }
    for foreign in [
        "",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:80",
        "127.0.0.1:8787:8787",
        "127.0.0.2:8787",
        "[::1]:8787",
        "evil.example:8787",
        "localhost.evil.example:8787",
        "user@127.0.0.1:8787",
        "127.0.0.1:88787",
        "127.0.0.1:+8787",
    ] {
        assert!(!guard.is(foreign), "{foreign}");
    }
}

#[test]
fn default_port_80_may_be_omitted() {
    let guard = guard("[::1]:80", "[::1]:80");
    assert!(guard.is("[::1]") && guard.is("[::1]:80") && guard.is("localhost"));
    assert!(!guard.is("[::1]:8080"));
}

#[test]
fn localhost_is_denied_on_remote_address() {
    let guard = guard("192.0.2.7:8787", "192.0.2.7:8787");
    assert!(guard.is("192.0.2.7:8787"));
    assert!(!guard.is("localhost:8787"));
}

#[test]
fn unspecified_listener_requires_origin_equal_to_host() {
    let guard = guard("0.0.0.0:8787", "192.0.2.7:8787");
    for (origin, is_admitted) in [
        ("http://192.0.2.7:8787", true),
        ("http://203.0.113.9", false),
        ("http://192.0.2.7:3000", false),
        ("http://localhost:8787", false),
        ("https://192.0.2.7:8787", false),
        ("null", false),
    ] {
        let request = Request::post("/api").header(HOST, "192.0.2.7:8787");
        let mut request = request.header(ORIGIN, origin).body(()).unwrap();
        let declined = guard.0.decline(Some(guard.1), true, &mut request);
        assert_eq!(declined.is_none(), is_admitted, "{origin}");
    }
}

#[test]
fn other_port_does_not_lead_to_listener() {
    let unspecified = guard("0.0.0.0:8787", "0.0.0.0:8787");
    assert!(unspecified.leads_here("127.0.0.1:8787"));
    assert!(!unspecified.leads_here("127.0.0.1:9000"));
    assert!(guard("127.0.0.1:80", "127.0.0.1:80").leads_here("localhost"));
}

#[test]
fn unspecified_listener_allows_addresses_but_no_names() {
    let guard = guard("[::]:8787", "[::ffff:127.0.0.1]:8787");
    for ours in [
        "127.0.0.1:9000",
        "192.0.2.7",
        "[2001:db8::1]:8787",
        "localhost:8787",
    ] {
        assert!(guard.is(ours), "{ours}");
    }
    assert!(!guard.is("evil.example:8787"));
}

#[test]
fn allowed_host_has_one_port_or_any() {
    let hosts = ["sidecar".to_owned(), "Proxy.example:8787".to_owned()];
    let guard = Guard::new(&"127.0.0.1:1".parse().unwrap(), &hosts, None, 0);
    for (host, is_allowed) in [
        ("sidecar", true),
        ("SIDECAR:9000", true),
        ("proxy.example:8787", true),
        ("proxy.example", false),
        ("proxy.example:80", false),
        ("sidecar.evil.example", false),
        ("user@sidecar", false),
        ("sidecar:", false),
    ] {
        assert_eq!(guard.allows(host), is_allowed, "{host}");
    }
}

#[test]
fn request_without_host_is_http_1_0_on_loopback() {
    for (version, local, is_admitted) in [
        (Version::HTTP_10, "127.0.0.1:8787", true),
        (Version::HTTP_11, "127.0.0.1:8787", false),
        (Version::HTTP_10, "192.0.2.7:8787", false),
    ] {
        let guard = guard(local, local);
        for (origin, is_admitted) in [(None, is_admitted), (Some("http://a@b"), false)] {
            let mut request = Request::get("/api").version(version);
            if let Some(origin) = origin {
                request = request.header(ORIGIN, origin);
            }
            let mut request = request.body(()).unwrap();
            let declined = guard.0.decline(Some(guard.1), true, &mut request);
            assert_eq!(
                declined.is_none(),
                is_admitted,
                "{version:?} {local} {origin:?}"
            );
        }
    }
}
