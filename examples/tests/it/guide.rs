//! The guide in `docs` names what there is.

use std::{fs, path::Path};

fn read(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(root.join(path)).unwrap()
}

/// Each kind of error with its label, as `ErrorKind::as_str` lists them: it leaves none out, or would not
/// compile.
fn kinds(source: &str) -> Vec<(&str, &str)> {
    let (_, body) = source.split_once("fn as_str").unwrap();
    let (body, _) = body.split_once("\n    }\n").unwrap();
    body.lines()
        .filter_map(|line| {
            let (kind, label) = line.trim().strip_prefix("Self::")?.split_once(" => \"")?;
            Some((kind, label.strip_suffix("\",")?))
        })
        .collect()
}

#[test]
fn the_page_of_errors_has_a_heading_for_each_kind() {
    let source = read("crates/enkash-auth-core/src/error.rs");
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
