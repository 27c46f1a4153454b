//! User code that panics inside the layer, and logs its input.

use enkash_auth_core::{Credentials, Environment};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, MemoryStore, TokenCache, TokenEndpoint, TokenRequestBody,
};
use http::{Request, Response};
use http_body_util::Full;
use std::{future::Ready, sync::Arc};
use tower::{Layer, ServiceExt, service_fn};

use crate::{
    server::{Server, grant},
    sinks::{Canary, logged},
    stage::{KINDS, builder, credentials, exhibit, policy},
};

#[tokio::test(flavor = "multi_thread")]
async fn panicking_client_leaks_no_secret() {
    let canary = Canary::new();
    for kind in KINDS {
        let client = service_fn(async |request: Request<TokenRequestBody>| {
            tracing::info!(headers = ?request.headers(), "a client that logs what it sends");
            if request.version() == http::Version::HTTP_11 {
                panic!("planned: {:?} {:?}", request.uri(), request.headers());
            }
            Ok::<_, BoxError>(Response::new(Full::<bytes::Bytes>::default()))
        });
        let environment = Environment::custom("http://localhost").unwrap();
        let endpoint =
            TokenEndpoint::with_service(environment, credentials(&canary, kind), client).unwrap();
        let tokens = TokenCache::builder(endpoint)
            .policy(policy())
            .unwrap()
            .store(MemoryStore::new())
            .build();
        let error = exhibit(&canary, &tokens, "http://localhost").await;
        assert!(error.is_some());
    }
    assert!(logged().contains("planned: "));
    canary.assert_silent(&["Debug", "error", "document", "log"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn panicking_service_or_hook_leaks_no_token() {
    let canary = Arc::new(Canary::new());
    let minting = Arc::clone(&canary);
    let server = Server::start(move |_| grant(&minting.secret("token"))).await;
    let tokens = builder(&server.base(), credentials(&canary, KINDS[0]))
        .reload_credentials(|| -> Ready<Result<Credentials, BoxError>> {
            panic!("planned: a hook")
        })
        .build();
    let api = service_fn(
        async |request: Request<String>| -> Result<Response<String>, BoxError> {
            panic!("planned: {request:?} {request:#?}")
        },
    );
    let calls = EnkashAuthLayer::new(tokens.clone()).layer(api);
    let request = Request::get(format!("{}/api", server.base()));
    let request = request.body(String::new()).unwrap();
    let panicked = tokio::spawn(calls.oneshot(request)).await.unwrap_err();
    canary.error(&panicked);
    assert!(panicked.is_panic());
    canary.debug(panicked.into_panic().downcast_ref::<String>().unwrap());
    // The hook is called after a 401.
    let server_401 = Server::start(|_| crate::server::response("401 No", "", "")).await;
    let unauthorized = builder(&server_401.base(), credentials(&canary, KINDS[0]))
        .reload_credentials(|| -> Ready<Result<Credentials, BoxError>> {
            panic!("planned: a hook")
        })
        .build();
    assert!(
        exhibit(&canary, &unauthorized, &server_401.base())
            .await
            .is_some()
    );
    assert!(logged().contains("planned: a hook"));
    canary.assert_silent(&["Debug", "error", "log"]);
}
