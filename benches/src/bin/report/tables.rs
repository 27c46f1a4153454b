use std::{
    fs,
    io::{self, Error},
    path::Path,
};

use crate::figures::Figures;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Rewrites the tables of the pages.
pub(crate) fn write(figures: &Figures) -> io::Result<()> {
    let peers = |columns: &[&str]| grid(figures, "peers", columns);
    let hot_path = [
        "nanos",
        "time_ratio",
        "instructions",
        "instructions_ratio",
        "allocations",
    ];
    let end_to_end = [
        "calls_per_second",
        "calls_per_second_ratio",
        "p99_micros",
        "p99_micros_ratio",
        "cpu_micros",
        "cpu_micros_ratio",
    ];
    let storm = [
        "cold_fetches",
        "cold_millis",
        "fail_fetches",
        "fail_millis",
        "fail_answered",
        "retry_fetches",
        "impatient_fetches",
        "impatient_success_share",
    ];
    update(
        "BENCHMARKS.md",
        &[
            ("hot_path", grid(figures, "hot_path", &hot_path)),
            ("contention", grid(figures, "contention", &["scaling"])),
            ("storm", list(figures, "storm")),
            ("rotation", list(figures, "rotation")),
            ("end_to_end", grid(figures, "end_to_end", &end_to_end)),
            ("build", grid(figures, "build", &["crates", "seconds"])),
            (
                "peers_hot",
                peers(&["nanos", "ratio", "allocations", "scaling", "version"]),
            ),
            ("peers_storm", peers(&storm)),
        ],
    )?;
    let storm = [
        "cold_fetches",
        "fail_fetches",
        "fail_millis",
        "impatient_success_share",
    ];
    update("README.md", &[("excerpt_storm", peers(&storm))])
}

/// Rewrites the tables of many accounts.
pub(crate) fn write_accounts(figures: &Figures) -> io::Result<()> {
    let name = figures
        .of("hit")
        .next()
        .and_then(|(name, _)| name.split('.').nth(1));
    let prefix = format!("hit.{}.", name.unwrap_or_default());
    let columns = figures
        .of("hit")
        .filter_map(|(name, _)| name.strip_prefix(&prefix));
    let columns: Vec<_> = columns.collect();
    update(
        "BENCHMARKS.md",
        &[
            ("hits", grid(figures, "hit", &columns)),
            ("accounts", list(figures, "accounts")),
        ],
    )
}

fn update(page: &str, tables: &[(&str, String)]) -> io::Result<()> {
    let path = Path::new(ROOT).join(page);
    let mut text = fs::read_to_string(&path)?;
    for (name, table) in tables {
        text = replace(&text, name, table)
            .ok_or_else(|| Error::other(format!("{page}: no place for the table {name}")))?;
    }
    fs::write(path, text)
}

/// Formats a row for each name with a figure in the first column.
fn grid(figures: &Figures, first: &str, columns: &[&str]) -> String {
    let heads: Vec<_> = columns
        .iter()
        .map(|column| column.replace('_', " "))
        .collect();
    let mut table = format!(
        "| | {} |\n|---|{}\n",
        heads.join(" | "),
        "---|".repeat(columns.len())
    );
    for name in figures.between(first, columns.first().copied().unwrap_or_default()) {
        let cells = columns.iter().map(|column| {
            let figure = figures.text(&format!("{first}.{name}.{column}"));
            figure.unwrap_or("–")
        });
        let cells: Vec<_> = cells.collect();
        table += &format!("| {name} | {} |\n", cells.join(" | "));
    }
    table
}

/// Formats a row for each figure.
fn list(figures: &Figures, first: &str) -> String {
    let mut table = "| | |\n|---|---|\n".to_owned();
    for (name, value) in figures.of(first) {
        table += &format!("| `{name}` | {value} |\n");
    }
    table
}

/// Returns `page` with `table` between the comments named `name`.
fn replace(page: &str, name: &str, table: &str) -> Option<String> {
    let (begin, end) = (
        format!("<!-- {name} -->\n"),
        format!("<!-- end of {name} -->"),
    );
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_replaced_and_nothing_else() {
        let page = "a\n<!-- t -->\nold\n<!-- end of t -->\nb";
        let new = "a\n<!-- t -->\nnew\n<!-- end of t -->\nb";
        assert_eq!(replace(page, "t", "new\n").as_deref(), Some(new));
        assert_eq!(replace(page, "u", "new\n"), None);
    }

    #[test]
    fn grid_has_row_per_name_and_dash_for_missing() {
        let mut figures = Figures::default();
        figures.add("hot.a.nanos", 1.5).unwrap();
        figures.add("hot.b.nanos", 2.0).unwrap();
        figures.add("hot.b.ratio", 3.0).unwrap();
        figures.add("cold.c.nanos", 4.0).unwrap();
        let grid = grid(&figures, "hot", &["nanos", "ratio"]);
        assert_eq!(
            grid,
            "| | nanos | ratio |\n|---|---|---|\n| a | 1.500 | – |\n| b | 2 | 3 |\n"
        );
    }
}
