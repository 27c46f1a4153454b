//! Which paths a server may take for that of a token request.

use enkash_auth_core::is_token_path;
use proptest::{prelude::*, sample::select};

#[test]
fn spellings_of_token_paths_are_recognized() {
    for path in [
        "/oauth/token",
        "/api/v0/merchant/token",
        "/gateway/oauth/token",
        "/OAuth/Token",
        "/oauth/token/",
        "//oauth///token",
        "/oauth/./token/.",
        "/oauth/x/../token",
        "/x/..;a=b/oauth/token",
        "/oauth;v=1/token;jsessionid=0",
        "/oauth%2Ftoken",
        "/oauth%252ftoken",
        "/oauth/to%6ben",
        "/oauth\\token",
        "/oauth%5Ctoken",
        "/oauth/token.json",
        "/oauth/token.",
        "/oauth/token%00",
        "/oauth/token%20",
        "/oauth/token%3Fx",
        "/oauth/to\u{212a}en",
        "/api/v0/payouts/../merchant/token",
        // Servers differ in what `..` removes.
        "/oauth/token/..",
        "/oauth/token//..",
        "/oauth/token/..;/..",
        "/oauth/token/a%2Fb/..",
        "/oauth/token/%252e%252e/..",
        // Servlets drop parameters before they decode.
        "/oauth/token;a%2Fb",
        "/oauth/token%3Ba%252Fb",
        "/oauth/token%3Fa%2Fb",
        "/oauth/token%3F/b",
        "/oauth/token%2523/b",
        "/oauth/token/.json",
    ] {
        assert!(is_token_path(path), "{path}");
    }
    let many_layers = format!("/oauth/token%{}41", "25".repeat(20));
    assert!(is_token_path(&many_layers));
}

#[test]
fn other_paths_are_no_token_paths() {
    for path in [
        "",
        "/",
        "/oauth",
        "/token",
        "/oauth/tokens",
        "/oauth/token/revoke",
        "/api/v0/payouts/token",
        "/api/v0/merchant/token/status",
        "/api/v0/payouts/5c0a7b1e-7a3f-4a53-9a58-2f6dc1b30d3a",
        "/api/v0/cards/a%20b.json",
        "/oauthtoken",
    ] {
        assert!(!is_token_path(path), "{path}");
    }
}

/// Returns a step that leaves a path the same for one server or another.
fn step() -> impl Strategy<Value = (u8, prop::sample::Index)> {
    (0..8_u8, any::<prop::sample::Index>())
}

fn rewritten(path: &str, (step, at): (u8, prop::sample::Index)) -> String {
    let slashes = path.match_indices('/').map(|(at, _)| at);
    let (before, after) = path.split_at(*at.get(&slashes.collect::<Vec<_>>()));
    match step {
        0 => {
            let (before, after) = path.split_at(1 + at.index(path.len() - 1));
            let mut after = after.chars();
            let char = u32::from(after.next().unwrap());
            format!("{before}%{char:02x}{}", after.as_str())
        }
        1 => path.to_uppercase(),
        2 => format!("{before}/{after}"),
        3 => format!("{before}/.{after}"),
        4 if !before.is_empty() => format!("{before};a=1{after}"),
        4 | 5 => format!("{before}/x/..{after}"),
        6 => format!("{path};x"),
        _ => format!("{path}/"),
    }
}

/// Returns the path that a server routes by: `form` reads it in one of several ways.
fn routed(path: &str, form: u8) -> String {
    let has = |bit: u8| form & (1 << bit) != 0;
    let decode = |text: &str| {
        let text = percent_encoding::percent_decode_str(text);
        text.decode_utf8_lossy().into_owned()
    };
    let mut path = path.to_owned();
    // A proxy in front of it normalizes first.
    for is_proxy in [true, false] {
        if is_proxy && !has(0) {
            continue;
        }
        // Servlets drop parameters before they decode, others after, or not at all.
        let drop_parameters = |path: &str| {
            let names = path.split('/').map(|name| name.split(';').next().unwrap());
            names.collect::<Vec<_>>().join("/")
        };
        if has(1) && !is_proxy {
            path = drop_parameters(&path);
        }
        if has(2) {
            path = decode(&path);
        }
        if has(3) {
            path = path.replace('\\', "/");
        }
        if has(4) && !is_proxy {
            path = drop_parameters(&path);
        }
        if has(5) {
            let mut names: Vec<&str> = Vec::new();
            for name in path.split('/').skip(1) {
                match name {
                    "." => {}
                    ".." => drop(names.pop()),
                    "" if has(6) => {}
                    name => names.push(name),
                }
            }
            path = format!("/{}", names.join("/"));
        }
    }
    if has(7) {
        path = path.to_lowercase();
        if let Some((stem, suffix)) = path.rsplit_once('.')
            && !suffix.contains('/')
        {
            path = stem.to_owned();
        }
    }
    let path = path.strip_suffix('/').unwrap_or(&path);
    path.to_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// Whatever a server routes to its token path is recognized as one.
    #[test]
    fn path_that_a_server_routes_to_a_token_is_recognized(
        pieces in prop::collection::vec(select(&[
            "/", "oauth", "token", "/oauth/token", "/oauth", "/token", "x", ".", "..", "/..", "/.",
            ";", ";a=b", "%2f", "%2F", "%252f", "%2e", "%252e", "%5c", "\\", "%3b", "%25", "%", "25",
            "2f", ".json", "%6f", "T", "OAUTH", "%3f", "%23", "?", "/x/..", ";/..", "%00", "%20",
        ][..]), 1..9),
        form in any::<u8>(),
    ) {
        let path = format!("/{}", pieces.concat());
        let path = path.split('?').next().unwrap();
        if routed(path, form) == "/oauth/token" {
            prop_assert!(is_token_path(path), "{path} in form {form:08b}");
        }
    }
}

proptest! {
    #[test]
    fn rewritten_token_path_is_recognized(
        path in select(&["/oauth/token", "/api/v0/merchant/token"][..]),
        steps in prop::collection::vec(step(), 0..6),
    ) {
        let path = steps.into_iter().fold(path.to_owned(), |path, step| rewritten(&path, step));
        prop_assert!(is_token_path(&path), "{path}");
    }

    #[test]
    fn any_path_is_judged_without_a_panic(path in any::<String>()) {
        let _ = is_token_path(&path);
    }
}
