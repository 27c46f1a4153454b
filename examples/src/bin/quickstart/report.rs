use std::fmt::Write;

use crate::load::Tally;

/// One phase of the run.
pub(crate) struct Row {
    pub(crate) phase: &'static str,
    pub(crate) token_requests: u64,
    /// The limit of token requests, if there is one.
    pub(crate) most_token_requests: Option<u64>,
    pub(crate) tally: Tally,
}

/// Returns whether no call failed and no phase exceeded its token requests.
pub(crate) fn is_good(rows: &[Row]) -> bool {
    rows.iter().all(|row| {
        let within = |most| row.token_requests <= most;
        row.tally.failures == 0 && row.most_token_requests.is_none_or(within)
    })
}

/// Formats the rows under their headings, with the first error of each.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    line(
        &mut text,
        &[
            "phase",
            "calls",
            "failures",
            "token requests",
            "slowest call",
        ],
    );
    for row in rows {
        let Tally {
            calls,
            failures,
            slowest,
            ..
        } = row.tally;
        line(
            &mut text,
            &[
                row.phase,
                &calls.to_string(),
                &failures.to_string(),
                &row.token_requests.to_string(),
                &format!("{:.1} ms", slowest.as_secs_f64() * 1e3),
            ],
        );
    }
    for error in rows.iter().filter_map(|row| row.tally.first_error.as_ref()) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "failed: {error}");
    }
    text
}

fn line(text: &mut String, cells: &[&str; 5]) {
    let [phase, calls, failures, requests, slowest] = cells;
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{phase:<26} {calls:>6} {failures:>9} {requests:>15} {slowest:>13}"
    );
}
