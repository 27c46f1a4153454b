//! The short examples, each run with the library that it shows, over real sockets; and
//! `examples/README.md`, which contains their output.

use std::process::Command;

const README: &str = include_str!("../../README.md");

fn section(name: &str) -> &'static str {
    let mut sections = README.split("\n## ");
    let found = sections.find(|it| it.lines().next() == Some(name));
    found.unwrap_or_else(|| panic!("no section on {name}"))
}

/// Returns the text of the `nth` fenced block in the section on `name`.
fn block(name: &str, nth: usize) -> &'static str {
    // The text between two fences, after the language tag.
    let fenced = section(name).split("```").skip(1).step_by(2).nth(nth);
    let (_, text) = fenced.and_then(|it| it.split_once('\n')).unwrap();
    text
}

/// Runs the program `name`, and compares its output.
fn run(name: &str, program: &str) {
    let command = format!("cargo run -p enkash-auth-examples --bin {name}\n");
    assert_eq!(block(name, 0), command);
    let output = Command::new(program).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    assert_eq!(String::from_utf8_lossy(&output.stdout), block(name, 1));
}

#[test]
fn hyper_client() {
    run("hyper-client", env!("CARGO_BIN_EXE_hyper-client"));
}

#[test]
fn reqwest_client() {
    run("reqwest-client", env!("CARGO_BIN_EXE_reqwest-client"));
}

#[test]
fn axum_payouts() {
    run("axum-payouts", env!("CARGO_BIN_EXE_axum-payouts"));
}

#[test]
fn axum_proxy() {
    run("axum-proxy", env!("CARGO_BIN_EXE_axum-proxy"));
}

#[test]
fn prometheus() {
    run("prometheus", env!("CARGO_BIN_EXE_prometheus"));
}

#[test]
fn tonic_channel() {
    run("tonic-channel", env!("CARGO_BIN_EXE_tonic-channel"));
}

#[test]
fn readme_lists_every_example() {
    let programs = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin")).unwrap();
    let mut programs: Vec<_> = programs
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_owned())
        .map(|name| name.into_string().unwrap())
        .collect();
    let mut listed: Vec<_> = README.split("\n## ").skip(1).collect();
    for section in &mut listed {
        *section = section.lines().next().unwrap();
    }
    programs.sort();
    listed.sort_unstable();
    assert_eq!(programs, listed);
    for name in programs {
        let command = format!("-p enkash-auth-examples --bin {name}\n");
        assert!(section(&name).contains(&command), "{name}");
    }
}
