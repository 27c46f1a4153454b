//! The version and the address of the repository match the workspace's manifest wherever they are
//! repeated.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[test]
fn workspace_crates_share_one_version() {
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
fn readme_names_current_version() {
    let (minor, _) = VERSION.rsplit_once('.').unwrap();
    let asked = format!("enkash-auth-tower = {{ version = \"{minor}\"");
    assert!(read("README.md").contains(&asked), "{asked}");
}

#[test]
fn readme_names_minimum_rust_version() {
    let oldest = env!("CARGO_PKG_RUST_VERSION");
    let readme = read("README.md");
    assert!(readme.contains(&format!("Both need Rust {oldest} ")));
    assert!(readme.contains(&format!("\n{oldest}. A newer one")));
}

#[test]
fn readme_opens_with_quickstart_and_tests_of_the_justfile() {
    let readme = read("README.md");
    let blocks = readme.split("\n```sh\n").skip(1).take(2);
    let commands: Vec<_> = blocks.filter_map(|block| block.lines().next()).collect();
    let [quickstart, tests] = commands[..] else {
        panic!("no two commands: {commands:?}");
    };
    assert_eq!(
        quickstart,
        "cargo run --release -p enkash-auth-examples --bin quickstart"
    );
    assert!(tests.starts_with("cargo test "), "{tests}");
    assert!(read("justfile").contains(&format!("\ntest:\n    {tests}\n")));
}

#[test]
fn crate_changelogs_are_linked_from_root() {
    let index = read("CHANGELOG.md");
    for name in ["axum", "core", "redis", "sandbox", "sidecar", "tower"] {
        let path = format!("crates/enkash-auth-{name}/CHANGELOG.md");
        assert!(read(&path).contains("## [Unreleased]"), "{path}");
        assert!(index.contains(&path), "{path}");
    }
}
