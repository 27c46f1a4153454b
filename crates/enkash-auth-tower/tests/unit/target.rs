use super::*;

#[test]
fn debug_output_shows_origin_with_port_and_no_secret() {
    let url = "https://user:pin@api.enkash.in:8443/a?b=pin";
    assert_eq!(
        format!("{:?}", Target::Url(url)),
        "https://api.enkash.in:8443"
    );
    for text in ["/a?b=pin", "*", "pin:443"] {
        let uri = text.parse().unwrap();
        assert_eq!(format!("{:?}", Target::Uri(&uri)), "(no origin)");
    }
}

fn is_at(url: &str, origin: &str) -> bool {
    Target::Url(url).is_at(&origin.parse().unwrap())
}

#[test]
fn url_is_at_the_origin_it_begins_with() {
    for (url, origin) in [
        ("https://api.enkash.in/", "https://api.enkash.in"),
        (
            "https://api.enkash.in/a?b=https://x",
            "https://API.enkash.in:443",
        ),
        ("https://api.enkash.in:8443/a", "https://api.enkash.in:8443"),
        ("http://127.0.0.1:4010/", "http://127.0.0.1:4010"),
        ("http://[::1]/", "http://[::1]:80"),
    ] {
        assert!(is_at(url, origin), "{url} {origin}");
    }
}

#[test]
fn similar_url_is_not_at_the_origin() {
    for url in [
        "http://api.enkash.in/",
        "https://api.enkash.in.example/",
        "https://api.enkash.in:8443/",
        "https://api.enkash.in@example.com/",
        "https://api.enkash.in:443@example.com/",
        "https://user@api.enkash.in/",
        "https://user:pw@api.enkash.in/",
        "https://example.com/https://api.enkash.in/",
        "https://api.enkash.in",
        "https://api.enkash.i",
        "api.enkash.in/",
        "",
    ] {
        assert!(!is_at(url, "https://api.enkash.in"), "{url}");
    }
    assert!(!is_at("http://localhost:40100/", "http://localhost:4010"));
}

#[test]
fn hashes_tell_origins_and_paths_apart() {
    let hashes = |uri: &str| Target::Uri(&uri.parse().unwrap()).hashes();
    let first = hashes("https://api.enkash.in/a?b=c");
    assert_eq!(hashes("https://API.enkash.in:443/a"), first);
    assert_eq!(Target::Url("https://api.enkash.in/a").hashes(), first);
    for (uri, is_same_origin) in [
        ("https://api.enkash.in/b", true),
        ("https://api.enkash.in:8443/a", false),
        ("http://localhost/a", false),
        ("/a", false),
    ] {
        let (origin, path) = hashes(uri);
        assert_eq!(origin == first.0, is_same_origin, "{uri}");
        assert_ne!(path, first.1, "{uri}");
    }
}
