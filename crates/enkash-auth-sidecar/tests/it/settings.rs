//! Invalid settings stop the sidecar at the start, and fail its check without a request, with one line of output.

use std::process::Command;

use super::process::sidecar;

/// What validates the settings.
const RUNS: [&[&str]; 2] = [&[], &["check", "--offline"]];

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
        for run in RUNS {
            let line = stopped(with(&[(variable, value)]).args(run));
            assert!(
                line.contains(variable),
                "{variable}={value} {run:?}: {line}"
            );
        }
    }
}

#[test]
fn setting_of_a_store_is_named_and_its_password_is_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "hunter2").unwrap();
    let file = file.to_str().unwrap();
    for (variable, value, named) in [
        ("ENKASH_STORE_TIMEOUT", "6s", "ENKASH_STORE_TIMEOUT"),
        ("ENKASH_STORE_TIMEOUT", "0s", "ENKASH_STORE_TIMEOUT"),
        (
            "ENKASH_REDIS_USERNAME_FILE",
            file,
            "ENKASH_REDIS_PASSWORD_FILE",
        ),
        (
            "ENKASH_REDIS_PASSWORD_FILE",
            "/not/there",
            "ENKASH_REDIS_PASSWORD_FILE",
        ),
        (
            "ENKASH_REDIS_PASSWORD_FILE",
            "/dev/null",
            "ENKASH_REDIS_PASSWORD_FILE",
        ),
        (
            "ENKASH_REDIS_CERTIFICATE_FILE",
            file,
            "ENKASH_REDIS_KEY_FILE",
        ),
        (
            "ENKASH_REDIS_KEY_FILE",
            file,
            "ENKASH_REDIS_CERTIFICATE_FILE",
        ),
        ("ENKASH_CA_FILE", file, "ENKASH_CA_FILE"),
    ] {
        let redis = ("ENKASH_TOKEN_STORE", "rediss://:hunter2@cache");
        for run in RUNS {
            let line = stopped(with(&[redis, (variable, value)]).args(run));
            assert!(line.contains(named), "{variable}={value} {run:?}: {line}");
            assert!(!line.contains("hunter2"), "{line}");
        }
    }
    let store = format!("file:{}", directory.path().display());
    for store in [&store, "memory"] {
        let variables = [
            ("ENKASH_TOKEN_STORE", store),
            ("ENKASH_STORE_TIMEOUT", "6s"),
        ];
        let line = stopped(with(&variables).args(["check", "--offline"]));
        assert!(line.contains("ENKASH_STORE_TIMEOUT"), "{line}");
    }
}

#[test]
fn file_with_store_is_read_and_its_errors_name_it() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("store");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let path = file.to_str().unwrap();
    let with_file = |store| {
        let mut command = with(&[
            ("ENKASH_TOKEN_STORE", store),
            ("ENKASH_TOKEN_STORE_FILE", path),
        ]);
        command.args(["check", "--offline"]);
        command
    };
    write("rediss://:hunter2@cache\n");
    let output = with_file("").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for (store, text, named) in [
        (
            "memory",
            "memory",
            "ENKASH_TOKEN_STORE_FILE: set beside ENKASH_TOKEN_STORE",
        ),
        ("", "", "ENKASH_TOKEN_STORE_FILE: "),
        ("", "hunter2", "ENKASH_TOKEN_STORE: not memory"),
        ("", "redis://:hunter2@cache:x", "ENKASH_TOKEN_STORE: "),
    ] {
        write(text);
        let line = stopped(&mut with_file(store));
        assert!(line.starts_with(named), "{line}");
        assert!(!line.contains("hunter2"), "{line}");
    }
}

#[test]
fn invalid_flag_is_named() {
    for (args, named) in [
        (vec!["--listen", "0.0.0.0:0"], "--listen"),
        (vec!["--listen", "[::]:0"], "--listen"),
        (vec!["--listen", "192.0.2.1:8787"], "--no-caller-key"),
        (
            vec!["--listen", "unix:/tmp/enkash", "--socket-mode", "666"],
            "--no-caller-key",
        ),
        (
            vec!["--caller-key-file", "/not/there"],
            "ENKASH_CALLER_KEY_FILE",
        ),
        (
            vec!["--caller-key-file", "/dev/null"],
            "ENKASH_CALLER_KEY_FILE",
        ),
        (vec!["--upstream", "http://api.enkash.in"], "--upstream"),
        (
            vec!["--upstream", "https://api.enkash.in/path"],
            "--upstream",
        ),
        (vec!["--upstream", "api.enkash.in"], "--upstream"),
    ] {
        for run in RUNS {
            let line = stopped(with(&[]).args(&args).args(run));
            assert!(line.contains(named), "{args:?} {run:?}: {line}");
        }
    }
}

#[test]
fn unusable_value_of_a_flag_is_named() {
    for (flag, value) in [
        ("--listen", "localhost"),
        ("--listen", "unix:"),
        ("--admin", "127.0.0.1"),
        ("--socket-mode", "888"),
        ("--allow-host", "http://sidecar"),
        ("--allow-host", "*"),
        ("--max-connections", "0"),
        ("--idle-timeout", "0s"),
        ("--response-timeout", "soon"),
        ("--drain-timeout", "30"),
    ] {
        let variable = flag
            .replace("--", "ENKASH_")
            .replace('-', "_")
            .to_uppercase();
        for mut command in [with(&[]), with(&[(&variable, value)])] {
            if command
                .get_envs()
                .all(|(name, _)| name != variable.as_str())
            {
                command.args([flag, value]);
            }
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{flag} {value}");
            let text = String::from_utf8(output.stderr).unwrap();
            assert!(text.contains(flag), "{flag} {value}: {text}");
        }
    }
}

#[test]
fn empty_environment_prints_one_line() {
    assert!(stopped(&mut sidecar()).contains("ENKASH_BASE_URL"));
}
