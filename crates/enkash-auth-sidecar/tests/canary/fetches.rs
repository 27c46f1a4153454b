//! Token requests over sockets: every kind of credentials with every response.

use std::sync::Arc;

use enkash_auth_core::Environment;
use enkash_auth_sandbox::{Sandbox, Tls};
use enkash_auth_tower::{Egress, TokenCache, TokenEndpoint};
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    responses::responses,
    server::{Server, grant, response},
    sinks::{Canary, logged},
    stage::{KINDS, builder, credentials, exhibit, policy},
};

const SINKS: [&str; 5] = ["Debug", "error", "document", "log", "metrics"];

#[tokio::test(flavor = "multi_thread")]
async fn token_responses_leak_no_secret() {
    let mut asking = JoinSet::new();
    let mut canaries = Vec::new();
    for kind in KINDS {
        // Each server has only the secrets of its own clients.
        let canary = Arc::new(Canary::new());
        let credentials = credentials(&canary, kind);
        for (name, response) in responses(&canary) {
            let (canary, credentials) = (Arc::clone(&canary), credentials.clone());
            asking.spawn(async move {
                let server = Server::start(move |_| response.clone()).await;
                let tokens = builder(&server.base(), credentials).build();
                let error = exhibit(&canary, &tokens, &server.base()).await;
                assert!(server.seen().len() > 1 || error.is_some(), "{name}");
                (name, error.unwrap_or_default())
            });
        }
        canaries.push(canary);
    }
    let errors = asking.join_all().await;
    let canary = Canary::new();
    for other in canaries {
        canary.absorb(&other);
    }
    canary.assert_silent(&SINKS);
    let gaps = errors.iter().filter(|(_, error)| error.contains("[…]"));
    assert!(gaps.count() > 20, "servers did throw them back");
    for name in ["rejected", "locked", "32 MiB", "no response", "no HTTP"] {
        let mut of = errors.iter().filter(|(of, _)| *of == name);
        assert!(of.all(|(_, error)| !error.is_empty()), "{name}");
    }
    for target in ["hyper_util::client", "enkash_auth_tower"] {
        assert!(logged().contains(target), "{target} logs nothing");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connection_errors_leak_no_secret() {
    let canary = Canary::new();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr();
    let closed = format!("http://{}", closed.unwrap());
    let tls = Tls::new().name("localhost");
    let sandbox = Sandbox::builder().tls(tls).start().await.unwrap();
    let strange = format!("https://localhost:{}", sandbox.addr().port());
    for base in [&closed, &strange] {
        for kind in KINDS {
            let tokens = builder(base, credentials(&canary, kind)).build();
            assert!(exhibit(&canary, &tokens, base).await.is_some(), "{base}");
        }
    }
    canary.assert_silent(&SINKS);
}

/// The proxy echoes its own password, too.
#[tokio::test(flavor = "multi_thread")]
async fn proxy_errors_leak_no_secret() {
    let canary = Canary::new();
    let password = canary.secret("proxy password").replace('/', "");
    let proxy = Server::start(|request| {
        let echo = request.replace("\r\n", " ");
        response(
            "407 Proxy Authentication Required",
            &format!("x-echo: {echo}\r\n"),
            request,
        )
    })
    .await;
    let url = format!("http://gate:{password}@{}", proxy.address());
    let egress = Egress::direct().proxy(&url).unwrap();
    canary.debug((
        &egress,
        egress.connector(std::time::Duration::from_secs(1)).unwrap(),
    ));
    for kind in KINDS {
        let credentials = credentials(&canary, kind);
        let environment = Environment::custom("https://enkash.test").unwrap();
        let endpoint = TokenEndpoint::with_egress(environment, credentials, &egress).unwrap();
        let tokens = TokenCache::builder(endpoint)
            .policy(policy())
            .unwrap()
            .build();
        let asked = exhibit(&canary, &tokens, "https://enkash.test").await;
        assert!(asked.is_some());
    }
    assert!(proxy.seen()[0].contains("Proxy-Authorization: Basic "));
    canary.assert_silent(&SINKS);
}

#[tokio::test(flavor = "multi_thread")]
async fn canary_secrets_are_sent() {
    let canary = Arc::new(Canary::new());
    for kind in KINDS {
        let minting = Arc::clone(&canary);
        let server = Server::start(move |_| grant(&minting.secret("token"))).await;
        let tokens = builder(&server.base(), credentials(&canary, kind)).build();
        assert_eq!(exhibit(&canary, &tokens, &server.base()).await, None);
        let sent = server.seen().join("\n");
        let search = crate::markers::Search::new([("token", tokens.peek().unwrap().expose())]);
        assert!(
            !search.find(sent.as_bytes()).is_empty(),
            "the token went out"
        );
    }
    canary.assert_silent(&["Debug", "document", "log", "metrics"]);
}
