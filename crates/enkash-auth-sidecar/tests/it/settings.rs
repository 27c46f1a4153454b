//! Invalid settings stop the sidecar at the start, with one line of output.

use std::process::Command;

use super::process::sidecar;

/// Returns the output of a sidecar that stops because of a setting.
fn stopped(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    let line = text.strip_suffix('\n').unwrap();
    assert!(!line.contains('\n'), "one line: {line}");
    line.strip_prefix("sidecar: ").unwrap().to_owned()
}

fn with(variables: &[(&str, &str)]) -> Command {
    let mut command = sidecar();
    command
        .env("ENKASH_ENVIRONMENT", "test")
        .env("ENKASH_CLIENT_ID", "client-id")
        .env("ENKASH_CLIENT_SECRET", "client-secret")
        .env("ENKASH_USERNAME", "user@example.com")
        .env("ENKASH_PASSWORD", "password")
        .envs(variables.iter().copied());
    command
}

#[test]
fn invalid_variable_is_named() {
    for (variable, value) in [
        ("ENKASH_ENVIRONMENT", "production"),
        ("ENKASH_ENVIRONMENT", " "),
        ("ENKASH_BASE_URL", "http://api.enkash.in"),
        ("ENKASH_CLIENT_ID", ""),
        ("ENKASH_CLIENT_ID", "with:colon"),
        ("ENKASH_CLIENT_SECRET", ""),
        ("ENKASH_USERNAME", " "),
        ("ENKASH_PASSWORD", ""),
        ("ENKASH_ACCESS_KEY", "beside-a-password"),
        ("ENKASH_SECRET_KEY", "beside-a-password"),
        ("ENKASH_API_KEY", "in\ntwo lines"),
        ("HTTPS_PROXY", "socks5://user:password@proxy.example"),
        ("all_proxy", "http://user:pass/word@proxy.example"),
        ("ENKASH_CA_FILE", "/not/there.pem"),
        ("ENKASH_CA_FILE", "/dev/null"),
        ("RUST_LOG", "info=debug=trace"),
    ] {
        let line = stopped(&mut with(&[(variable, value)]));
        assert!(line.contains(variable), "{variable}={value}: {line}");
    }
}

#[test]
fn invalid_flag_is_named() {
    for (args, named) in [
        (vec!["--listen", "0.0.0.0:0"], "--listen"),
        (vec!["--listen", "[::]:0"], "--listen"),
        (vec!["--listen", "192.0.2.1:8787"], "--allow-remote"),
        (vec!["--upstream", "http://api.enkash.in"], "--upstream"),
        (
            vec!["--upstream", "https://api.enkash.in/path"],
            "--upstream",
        ),
        (vec!["--upstream", "api.enkash.in"], "--upstream"),
    ] {
        let line = stopped(with(&[]).args(&args));
        assert!(line.contains(named), "{args:?}: {line}");
    }
}

#[test]
fn empty_environment_prints_one_line() {
    assert!(stopped(&mut sidecar()).contains("ENKASH_BASE_URL"));
}
