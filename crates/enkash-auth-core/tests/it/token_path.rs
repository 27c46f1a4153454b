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
        "/oauth/token/..",
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
