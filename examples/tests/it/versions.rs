//! The version and the address of the repository match the workspace's manifest wherever they are
//! repeated; what need not be repeated stands in one place.

use std::{fs, path::Path};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
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
fn repository_has_one_address() {
    let address = env!("CARGO_PKG_REPOSITORY");
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let pages = docs.map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|it| it == "md"));
    let others = ["README.md", "deploy/enkash-sidecar.service"];
    for page in others
        .map(|name| root().join(name))
        .into_iter()
        .chain(pages)
    {
        let text = fs::read_to_string(&page).unwrap();
        for before in ["git = \"", "\nDocumentation="] {
            for named in text.split(before).skip(1) {
                let named = named.split(['"', '\n']).next();
                assert_eq!(named, Some(address), "{}", page.display());
            }
        }
    }
}

#[test]
fn rights_of_redis_user_stand_in_one_place() {
    let place = "crates/enkash-auth-redis/README.md";
    assert!(read(place).contains("\nuser payouts on >secret ~enkash-auth:* "));
    let manifest = read("deploy/kubernetes/redis.yaml");
    assert!(manifest.contains(place) && !manifest.contains("+eval"));
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
