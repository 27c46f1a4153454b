//! The examples, each run with the library that it shows, over real sockets; and `examples/README.md`,
//! which contains their output.

use std::process::Command;

const README: &str = include_str!("../../README.md");

fn section(name: &str) -> &'static str {
    let mut sections = README.split("\n## ");
    let found = sections.find(|it| it.lines().next() == Some(name));
    found.unwrap_or_else(|| panic!("no section on {name}"))
}

/// Returns the text of the fenced block in the section on `name`.
fn block(name: &str) -> &'static str {
    // The text between two fences, after the language tag.
    let fenced = section(name).split("```").nth(1);
    let (_, text) = fenced.and_then(|it| it.split_once('\n')).unwrap();
    text
}

/// Runs a program that must succeed; returns its output.
fn output(program: &str) -> String {
    let output = Command::new(program).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs the program `name`, and compares its output.
fn run(name: &str, program: &str) {
    assert_eq!(output(program), block(name));
}

/// Runs a program whose output varies; returns the numbers of token requests, as it prints them.
fn token_requests(program: &str) -> Vec<u32> {
    let output = output(program);
    let lines = output.lines().map(|line| {
        let (_, requests) = line.split_once("token requests: ").unwrap();
        requests.split(',').next().unwrap().parse().unwrap()
    });
    lines.collect()
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
fn reqwest_middleware() {
    run(
        "reqwest-middleware",
        env!("CARGO_BIN_EXE_reqwest-middleware"),
    );
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
fn many_merchants() {
    run("many-merchants", env!("CARGO_BIN_EXE_many-merchants"));
}

#[test]
fn prometheus() {
    run("prometheus", env!("CARGO_BIN_EXE_prometheus"));
}

#[test]
fn opentelemetry() {
    run("opentelemetry", env!("CARGO_BIN_EXE_opentelemetry"));
}

#[test]
fn tonic_channel() {
    run("tonic-channel", env!("CARGO_BIN_EXE_tonic-channel"));
}

#[test]
#[ignore = "runs for some 19 s"]
fn quickstart_shares_token_and_fails_no_call() {
    let requests = token_requests(env!("CARGO_BIN_EXE_quickstart"));
    let [cold, expiries, revoked, outage] = requests[..] else {
        panic!("{requests:?}");
    };
    assert_eq!(cold, 1);
    // A slow machine sees more tokens expire.
    let expected = expiries >= 4 && matches!(revoked, 1 | 2) && outage >= 4;
    assert!(expected, "{requests:?}");
}

#[test]
#[ignore = "needs redis-server"]
fn fleet_shares_token_and_fails_no_call() {
    let requests = token_requests(env!("CARGO_BIN_EXE_fleet"));
    // Two expiries. Six replicas without a common store would make eighteen requests.
    assert!(matches!(requests[..], [2..=5]), "{requests:?}");
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
}
