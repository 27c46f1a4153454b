use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use bytes::Bytes;
use enkash_auth_sandbox::Sandbox;
use http::{Request, StatusCode, request};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};

/// Returns the path of a file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// Returns the text of a file of the repository.
pub(crate) fn read(path: &str) -> String {
    let path = repository(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Gives `command` the settings for `sandbox`.
pub(crate) fn configure(command: &mut Command, sandbox: &Sandbox) {
    command
        .env("ENKASH_BASE_URL", sandbox.base_url())
        .env("ENKASH_CLIENT_ID", "client-id")
        .env("ENKASH_CLIENT_SECRET", "client-secret")
        .env("ENKASH_USERNAME", "user@example.com")
        .env("ENKASH_PASSWORD", "password");
}

/// Makes a call through the sidecar at `address`, and checks that it arrives authorised.
pub(crate) async fn assert_serves_call(sandbox: &Sandbox, address: SocketAddr) {
    let request = Request::get(format!("http://{address}/api/v0/any"));
    assert_eq!(status(request).await, StatusCode::OK);
    let counters = sandbox.issuer().counters();
    assert_eq!((counters.api_calls, counters.api_unauthorized), (1, 0));
}

/// Returns the status of the response to a request without a body.
pub(crate) async fn status(request: request::Builder) -> StatusCode {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let request = request.body(Full::<Bytes>::default()).unwrap();
    client.request(request).await.unwrap().status()
}
