//! The version and the address of the repository stand in the workspace's manifest. Where they have to stand
//! again, they are the same.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn the_crates_of_the_workspace_depend_on_each_other_at_its_version() {
    let manifest = read("Cargo.toml");
    let ours = manifest
        .lines()
        .filter(|line| line.starts_with("enkash-auth-"));
    let wanted = format!("version = \"{VERSION}\"");
    let mut count = 0;
    for dependency in ours {
        assert!(dependency.contains(&wanted), "{dependency}");
        count += 1;
    }
    assert_eq!(count, 5);
}

#[test]
fn the_readme_asks_for_this_version() {
    let (minor, _) = VERSION.rsplit_once('.').unwrap();
    let asked = format!("enkash-auth-tower = {{ version = \"{minor}\"");
    assert!(read("README.md").contains(&asked), "{asked}");
}

#[test]
fn the_readme_names_the_oldest_rust_that_the_manifest_does() {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let readme = read("README.md");
    assert!(readme.contains(&format!("Both need Rust {oldest} ")));
    assert!(readme.contains(&format!("\n{oldest}. A newer one")));
}

#[test]
fn each_crate_has_a_changelog_and_the_root_leads_to_it() {
    let index = read("CHANGELOG.md");
    for name in ["axum", "core", "redis", "sandbox", "tower"] {
        let path = format!("crates/enkash-auth-{name}/CHANGELOG.md");
        assert!(read(&path).contains("## [Unreleased]"), "{path}");
        assert!(index.contains(&path), "{path}");
    }
}
