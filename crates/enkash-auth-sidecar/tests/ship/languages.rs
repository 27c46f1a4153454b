//! The programs of `docs/other-languages.md`, as they stand on that page.

use std::{
    fs,
    process::{Command, Output},
};

use enkash_auth_sandbox::{Endpoint, Fault, Sandbox};

use super::{
    process::{Sidecar, sidecar},
    stage::{configure, read},
};

const PAGE: &str = "docs/other-languages.md";

/// Returns the one program of the page in `language`.
fn program(language: &str) -> String {
    let (page, start) = (read(PAGE), format!("```{language}\n"));
    let mut blocks = page.split(&start).skip(1);
    let block = blocks.next().unwrap();
    assert!(blocks.next().is_none(), "several programs in {language}");
    let program = block.split_once("```").unwrap().0;
    assert!(program.lines().count() <= 10, "{language}: over ten lines");
    program.to_owned()
}

/// Runs the program in `language` as `file` with `interpreter`, before a server that serves its first
/// call and breaks the connection of its second.
async fn calls(language: &str, interpreter: &'static str, file: &str) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let mut command = sidecar();
    configure(&mut command, &sandbox);
    let sidecar = Sidecar::start(command).await;

    let program = program(language);
    let address = sidecar.address().to_string();
    assert_eq!(program.matches("127.0.0.1:8787").count(), 1, "{program}");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(file);
    fs::write(&path, program.replace("127.0.0.1:8787", &address)).unwrap();
    let run = async || -> Output {
        let path = path.clone();
        tokio::task::spawn_blocking(move || {
            let mut command = Command::new(interpreter);
            // A proxy of this machine is not for loopback.
            command.arg(path).env("NO_PROXY", "127.0.0.1");
            command.output().unwrap()
        })
        .await
        .unwrap()
    };

    let output = run().await;
    assert!(output.status.success(), "{output:?}");
    assert!(output.stdout.starts_with(b"200 {"), "{output:?}");
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.api_calls, counters.api_unauthorized), (1, 0));

    let order = Fault::CloseAfterReading.at(Endpoint::Api);
    sandbox.issuer().order(order);
    let output = run().await;
    assert!(!output.status.success(), "{output:?}");
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    assert!(printed.contains("502"), "{printed}");
    assert!(printed.contains(r#""forwarded":"unknown""#), "{printed}");
    assert_eq!(sandbox.issuer().counters().api_calls, 2, "made once only");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs python3"]
async fn python_makes_authorised_call() {
    calls("python", "python3", "call.py").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs node"]
async fn node_makes_authorised_call() {
    calls("js", "node", "call.mjs").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs php"]
async fn php_makes_authorised_call() {
    calls("php", "php", "call.php").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK"]
async fn java_makes_authorised_call() {
    calls("java", "java", "Call.java").await;
}
