use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use super::{PAGE, POLICY};

/// Returns what is between the tags of the only element `name`.
fn content(name: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("<{name}>")).unwrap();
    let (content, rest) = rest.split_once(&format!("</{name}>")).unwrap();
    assert!(!rest.contains(&format!("<{name}")), "one {name}");
    content
}

#[test]
fn policy_allows_exactly_the_script_and_style_of_the_page() {
    for name in ["script", "style"] {
        let hash = STANDARD.encode(Sha256::digest(content(name)));
        let allowed = format!("{name}-src 'sha256-{hash}';");
        assert!(POLICY.contains(&allowed), "{allowed}");
    }
    assert!(POLICY.starts_with("default-src 'none';") && !POLICY.contains("unsafe"));
}

#[test]
fn page_is_small_and_loads_nothing_from_elsewhere() {
    assert!(PAGE.lines().count() <= 300);
    for outside in [
        "src=", "http:", "@import", "url(", "//cdn", " style=", " onclick",
    ] {
        assert!(
            !PAGE.contains(outside) || outside == "http:" && PAGE.matches("http:").count() == 1,
            "{outside}"
        );
    }
}
