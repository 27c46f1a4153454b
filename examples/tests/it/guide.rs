//! The guide in `docs` matches the code.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

/// Returns each kind of error with its label, from the exhaustive match in `ErrorKind::name_and_text`.
fn kinds(source: &str) -> Vec<(&str, &str)> {
    let (_, body) = source.split_once("fn name_and_text").unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap();
    body.lines()
        .filter_map(|line| {
            let (kind, texts) = line.trim().strip_prefix("Self::")?.split_once(" => (\"")?;
            Some((kind, texts.split_once('"')?.0))
        })
        .collect()
}

#[test]
fn errors_page_has_heading_for_each_kind() {
    let source = read("crates/enkash-auth-tower/src/error.rs");
    let page = read("docs/errors.md");
    let kinds = kinds(&source);
    assert!(kinds.contains(&("NoRuntime", "no-runtime")), "{kinds:?}");
    for (kind, label) in &kinds {
        let heading = format!("\n## `{kind}`: `{label}`\n");
        assert!(page.contains(&heading), "{heading}");
    }
    let headings = page.lines().filter(|line| line.starts_with("## `"));
    assert_eq!(headings.count(), kinds.len());
}

/// Returns all words of `letters` in `docs` that begin with `prefix`, without the prefix.
fn words(prefix: &str, letters: fn(char) -> bool) -> Vec<String> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut found = Vec::new();
    for entry in fs::read_dir(docs).unwrap() {
        let page = fs::read_to_string(entry.unwrap().path()).unwrap();
        let words = page.split(|c| !letters(c));
        let words = words.filter_map(|word| word.strip_prefix(prefix));
        found.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    found
}

#[test]
fn metrics_named_in_docs_are_recorded() {
    let source = read("crates/enkash-auth-tower/src/meter/recorded.rs");
    let crates = ["core", "tower", "axum", "redis", "sandbox", "sidecar"];
    let mut names = words("enkash_auth_", |c| c.is_ascii_lowercase() || c == '_');
    names.retain(|name| !crates.contains(&name.as_str()));
    for name in &names {
        // Pages query a histogram by its buckets.
        let name = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(
            source.contains(&format!("\"enkash_auth_{name}\"")),
            "{name}"
        );
    }
    assert!(names.len() >= 9, "{names:?}");
}

#[test]
fn variables_named_in_docs_are_read() {
    let settings = read("crates/enkash-auth-tower/src/config/settings.rs");
    let others = [
        "enkash-auth-tower/src/egress/settings.rs",
        "enkash-auth-sidecar/src/args.rs",
        "enkash-auth-sidecar/src/store.rs",
        "enkash-auth-sidecar/src/timeouts.rs",
    ];
    let others = others.map(|path| read(&format!("crates/{path}"))).concat();
    let names = words("ENKASH_", |c| c.is_ascii_uppercase() || c == '_');
    for name in &names {
        let key = format!("    {}: Set<", name.to_ascii_lowercase());
        let variable = format!("\"ENKASH_{name}\"");
        assert!(
            settings.contains(&key) || others.contains(&variable),
            "{name}"
        );
    }
    assert!(names.len() >= 20, "{names:?}");
}
