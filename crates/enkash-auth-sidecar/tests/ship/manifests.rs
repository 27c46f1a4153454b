//! The manifests in `deploy/kubernetes`.

use std::{fs, path::Path, process::Command};

use enkash_auth_sandbox::Sandbox;
use http::{Request, StatusCode, header::HOST, request};
use serde_json::{Value, json};

use super::{
    process::{Sidecar, sidecar},
    stage::{repository, status},
};

/// Validates the files against the schemas of Kubernetes, and returns their manifests.
fn manifests(files: &[&str]) -> Vec<Value> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut command = Command::new(target.join("tools/bin/python"));
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/ship/manifests.py"
    ));
    for file in files {
        command.arg(repository("deploy/kubernetes").join(file));
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Returns the manifest of a kind.
fn of_kind(manifests: &[Value], kind: &str) -> Value {
    let mut found = manifests.iter().filter(|manifest| manifest["kind"] == kind);
    found.next().unwrap().clone()
}

/// Returns the container of the sidecar.
fn sidecar_in(pod: &Value) -> Value {
    let containers = ["initContainers", "containers"]
        .into_iter()
        .filter_map(|kind| pod[kind].as_array())
        .flatten();
    let mut named = containers.filter(|container| container["name"] == "enkash-sidecar");
    named.next().unwrap().clone()
}

#[test]
#[ignore = "needs the Python packages of the issuer"]
fn manifests_match_schema_and_are_hardened() {
    for file in ["pod.yaml", "deployment.yaml"] {
        let manifests = manifests(&["settings.yaml", "redis.yaml", file]);
        let pod = &of_kind(&manifests, "Deployment")["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        let sidecar = sidecar_in(pod);
        let image = format!("enkash-sidecar:{}", env!("CARGO_PKG_VERSION"));
        assert_eq!(sidecar["image"], image);
        let hardened = json!({
            "allowPrivilegeEscalation": false,
            "readOnlyRootFilesystem": true,
            "capabilities": { "drop": ["ALL"] },
        });
        assert_eq!(sidecar["securityContext"], hardened);
    }
}

/// Returns the variables of a container, with `secrets` as the directory of its secrets.
fn variables(settings: &Value, container: &Value, secrets: &Path) -> Vec<(String, String)> {
    let common = settings["data"].as_object().unwrap().iter();
    let own = container["env"].as_array().unwrap().iter();
    let own = own.map(|variable| (variable["name"].as_str().unwrap(), &variable["value"]));
    let all = common
        .map(|(name, value)| (name.as_str(), value))
        .chain(own);
    let secrets = secrets.to_str().unwrap();
    all.filter(|(_, value)| value.is_string())
        .map(|(name, value)| {
            let value = value.as_str().unwrap();
            let value = value.replace("/run/secrets/enkash", secrets);
            let value = value.replace("/run/secrets/redis", secrets);
            (name.to_owned(), value)
        })
        .collect()
}

/// Runs the sidecar of a file at `listen`, and checks that it serves its probes and `call`, which gets
/// the URL.
async fn serves(file: &str, listen: &str, call: impl Fn(String) -> request::Builder) {
    let manifests = manifests(&["settings.yaml", file]);
    let pod = &of_kind(&manifests, "Deployment")["spec"]["template"]["spec"];
    let container = sidecar_in(pod);
    let secrets = tempfile::tempdir().unwrap();
    for secret in ["client-secret", "password", "caller-key"] {
        fs::write(secrets.path().join(secret), secret).unwrap();
    }
    fs::write(secrets.path().join("token-store"), "memory").unwrap();
    let settings = of_kind(&manifests, "ConfigMap");
    let variables = variables(&settings, &container, secrets.path());
    let help = sidecar().arg("--help").output().unwrap().stdout;
    let help = String::from_utf8(help).unwrap();
    for (name, _) in &variables {
        let name = name.strip_suffix("_FILE").unwrap_or(name);
        assert!(help.contains(name), "{name} is not a setting");
    }

    let sandbox = Sandbox::builder().start().await.unwrap();
    let mut command = sidecar();
    command
        .env_remove("ENKASH_TOKEN_STORE")
        .envs(variables)
        .env("ENKASH_BASE_URL", sandbox.base_url())
        .args(["--admin", "0.0.0.0:0"]);
    let sidecar = Sidecar::start_on(command, listen).await;
    let port = sidecar.address().port();
    let request = call(format!("http://127.0.0.1:{port}/api/v0/any"));
    assert_eq!(status(request).await, StatusCode::OK);

    let admin = container["ports"].as_array().unwrap().iter();
    let mut admin = admin.filter(|port| port["name"] == "enkash-admin");
    let admin = admin.next().unwrap()["containerPort"].to_string();
    let address = settings["data"]["ENKASH_ADMIN"].as_str().unwrap();
    assert_eq!(address.split_once(':').unwrap().1, admin);
    for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
        let probe = &container[probe]["httpGet"];
        assert_eq!(probe["port"], "enkash-admin");
        let port = sidecar.admin().port();
        let path = probe["path"].as_str().unwrap();
        let request = Request::get(format!("http://127.0.0.1:{port}{path}"));
        assert_eq!(status(request).await, StatusCode::OK, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python packages of the issuer"]
async fn pod_serves_service_beside_it() {
    serves("pod.yaml", "127.0.0.1:0", Request::get).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the Python packages of the issuer"]
async fn deployment_serves_callers_with_key() {
    let call = |url| {
        Request::get(url)
            .header(HOST, "enkash-sidecar:8787")
            .header("x-enkash-caller-key", "caller-key")
    };
    serves("deployment.yaml", "0.0.0.0:0", call).await;
}
