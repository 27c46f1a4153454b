use std::{env, fmt::Write, fs};

use crate::scene::Met;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/faults.md");
const BEGIN: &str = "<!-- met -->\n";
const END: &str = "<!-- end of met -->";

/// Compares the table of the page with `rows`, or rewrites it. Faults with the same effects share a row.
pub(crate) fn check(rows: &[(&str, &[Met])]) {
    let mut table =
        "| the token server's response | no token | refresh window | expired | unauthorized |\n"
            .to_owned();
    table += "|---|---|---|---|---|\n";
    let mut merged: Vec<(Vec<&str>, String)> = Vec::new();
    for (name, met) in rows {
        let cells: Vec<_> = met.iter().map(ToString::to_string).collect();
        let cells = cells.join(" | ");
        match merged.iter_mut().find(|row| row.1 == cells) {
            Some(row) => row.0.push(name),
            None => merged.push((vec![name], cells)),
        }
    }
    for (names, cells) in merged {
        writeln!(table, "| {} | {cells} |", names.join("; ")).unwrap();
    }
    let page = fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let new = format!("{before}{BEGIN}{table}{END}{after}");
    if env::var_os("WRITE_DOCS").is_some() {
        fs::write(PAGE, new).unwrap();
    } else {
        assert_eq!(page, new, "docs/faults.md; WRITE_DOCS=1 writes it anew");
    }
}
