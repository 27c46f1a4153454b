//! The ways to a Redis.

use enkash_auth_sandbox::Rules;

use crate::{
    check::check,
    redis_servers::{certified::Certified, cluster::Cluster, sentinels::Watched, server::Server},
    stage::{Dialect, command, issuer, sandbox},
};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn check_stores_token_over_each_transport() {
    let sandbox = sandbox(issuer(Rules::new())).await;
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("redis").display().to_string();
    let _server = Server::start(&["--unixsocket", &socket]).await;
    let certified = Certified::start("yes").await;
    let [certificate, key] = certified.files();
    let (cluster, watched) = (Cluster::start().await, Watched::start().await);
    let with = |url: &str| {
        let mut command = command(&sandbox, Dialect::Form);
        command
            .env("ENKASH_TOKEN_STORE", url)
            .env("ENKASH_CA_FILE", &certificate);
        command
    };
    let mut requests = 0;
    for (url, what) in [
        (format!("redis+unix://{socket}"), "in no cluster"),
        (certified.url("localhost"), "in no cluster"),
        (cluster.url(), "in a cluster"),
        (watched.url("payouts"), "a primary with 1 replicas"),
    ] {
        requests += 1;
        // The second one takes the token from the store.
        for source in [" s\n", "none was made"] {
            let mut command = with(&url);
            command
                .env("ENKASH_REDIS_CERTIFICATE_FILE", &certificate)
                .env("ENKASH_REDIS_KEY_FILE", &key);
            let checked = check(command).await;
            assert_eq!(checked.code, Some(0), "{url}: {}", checked.all);
            assert!(checked.text.contains(what), "{url}: {}", checked.text);
            assert!(checked.text.contains(source), "{url}: {}", checked.text);
        }
        assert_eq!(sandbox.issuer().counters().token_requests, requests);
    }
    // It does not show itself.
    let checked = check(with(&certified.url("localhost"))).await;
    assert_eq!(checked.code, Some(10), "{}", checked.all);
}
