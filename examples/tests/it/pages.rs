//! The programs of the pages, each a crate of its own with the dependencies that its page names.

use std::{fs, path::Path, process::Command};

use enkash_auth_sandbox::Sandbox;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Returns the `nth` block of `language` in `page`, without what rustdoc hides.
fn block(page: &str, language: &str, nth: usize) -> String {
    let opening = format!("\n```{language}");
    let rest = page.split(&opening).nth(nth + 1).unwrap();
    let (_, rest) = rest.split_once('\n').unwrap();
    let (block, _) = rest.split_once("\n```").unwrap();
    let shown = block.lines().filter(|line| !line.starts_with("# "));
    shown.collect::<Vec<_>>().join("\n")
}

/// Returns a cargo command for the crate with the dependencies that `page` shows `nth`, and its first block of Rust.
fn cargo(command: &str, name: &str, page: &str, nth: usize) -> Command {
    let page = fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    let package = built.join(name);
    fs::create_dir_all(package.join("src")).unwrap();
    let mut dependencies = block(&page, "toml", nth);
    for name in ["tower", "sandbox"] {
        let name = format!("enkash-auth-{name}");
        let registry = format!("{name} = {{ git = \"{}\"", env!("CARGO_PKG_REPOSITORY"));
        let path = format!("{name} = {{ path = \"{ROOT}/crates/{name}\"");
        dependencies = dependencies.replace(&registry, &path);
    }
    let manifest = format!(
        "[package]\nname = \"{name}\"\nedition = \"2024\"\n\n{dependencies}\n\n[workspace]\n"
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::write(package.join("src/main.rs"), block(&page, "rust", 0)).unwrap();
    // The versions that are tested elsewhere, for what is in the workspace too.
    fs::copy(
        Path::new(ROOT).join("Cargo.lock"),
        package.join("Cargo.lock"),
    )
    .unwrap();
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args([command, "--quiet", "--manifest-path"])
        .arg(package.join("Cargo.toml"))
        .env("CARGO_TARGET_DIR", built.join("target"));
    cargo
}

#[tokio::test]
#[ignore = "compiles reqwest with its defaults"]
async fn program_of_readme_makes_a_call() {
    let sandbox = Sandbox::start().await.unwrap();
    let mut program = cargo("run", "readme", "README.md", 0);
    program
        .args(["--", &format!("{}/api/v0/anything", sandbox.base_url())])
        .env("ENKASH_BASE_URL", sandbox.base_url())
        .env("ENKASH_CLIENT_ID", "client-id")
        .env("ENKASH_CLIENT_SECRET", "client-secret")
        .env("ENKASH_USERNAME", "user@example.com")
        .env("ENKASH_PASSWORD", "password");
    let output = tokio::task::spawn_blocking(move || program.output());
    let output = output.await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("200 OK: "), "{text}");
    assert_eq!(sandbox.issuer().counters().token_requests, 1);
}

/// Returns the crypto providers among the dependencies that `page` shows `nth`.
fn providers(page: &str, nth: usize) -> Vec<&'static str> {
    let mut tree = cargo("tree", "tls", page, nth);
    tree.args(["--edges", "normal", "--prefix", "none"]);
    let output = tree.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = tree.lines().map(|line| line.split(' ').next()).collect();
    let mut providers = vec!["aws-lc-rs", "ring"];
    providers.retain(|provider| names.contains(&Some(provider)));
    providers
}

#[test]
#[ignore = "needs the registry"]
fn tls_page_leaves_one_crypto_provider() {
    assert_eq!(providers("docs/tls.md", 0), ["aws-lc-rs"]);
    assert_eq!(providers("docs/tls.md", 1), ["ring"]);
    // As the page says of the defaults.
    assert_eq!(providers("README.md", 0), ["aws-lc-rs", "ring"]);
}
