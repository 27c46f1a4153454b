//! The layer that takes the account from the request.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, OnceLock},
};

use enkash_auth_tower::{
    Accounts, EnkashAuthLayer, Error, ErrorKind, NotCalled, ReplayPolicy, RequestView,
    TokenRequestBody, TokenServer, internal::Process, replay::NoReplay, select::PerAccount,
};
use http::{HeaderMap, HeaderName, Request, Response};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};

use super::World;
use crate::support::{YOUNG, environment, get, invalid_token};

#[derive(Clone)]
struct Merchant(u32);

fn by_extension(request: &mut RequestView<'_>) -> Option<u32> {
    request.extension::<Merchant>().map(|merchant| merchant.0)
}

fn by_header(request: &mut RequestView<'_>) -> Option<u32> {
    let name = HeaderName::from_static("x-merchant");
    request.take_header(name)?.to_str().ok()?.parse().ok()
}

fn by_path(request: &mut RequestView<'_>) -> Option<u32> {
    request.path().split('/').nth(2)?.parse().ok()
}

fn request(path: &str, id: u32) -> Request<String> {
    let mut request = get(&format!("http://localhost{path}"));
    request.extensions_mut().insert(Merchant(id));
    request.headers_mut().insert("x-merchant", id.into());
    request
}

/// Calls the API for `id`, cold and with a cached token, and returns the headers that it sees.
async fn seen(
    world: &World,
    select: fn(&mut RequestView<'_>) -> Option<u32>,
    id: u32,
) -> Vec<HeaderMap> {
    seen_by(world.accounts(), select, id).await
}

async fn seen_by(
    accounts: Accounts<u32>,
    select: fn(&mut RequestView<'_>) -> Option<u32>,
    id: u32,
) -> Vec<HeaderMap> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let api = service_fn(move |request: Request<String>| {
        sink.lock().unwrap().push(request.headers().clone());
        async { Ok::<_, Infallible>(Response::new(String::new())) }
    });
    let mut client = EnkashAuthLayer::per_account(accounts, select).layer(api);
    for _ in 0..3 {
        let request = request(&format!("/merchants/{id}/payouts"), id);
        client.ready().await.unwrap();
        tower::Service::call(&mut client, request).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    seen.clone()
}

fn token(world: &World, id: u32, nth: u32) -> String {
    format!("Bearer {}-token-{nth}", world.user(id))
}

#[cfg(feature = "config")]
#[tokio::test(start_paused = true)]
async fn config_sets_headers_and_policy_of_all_accounts() {
    let config = |name: &str| match name {
        "ENKASH_PARTNER_ID" => Some("partner".into()),
        "ENKASH_MAX_WAITERS" => Some("1".into()),
        _ => None,
    };
    let config = enkash_auth_tower::Config::from_lookup(config).unwrap();
    let accounts = World::default().builder().config(&config).unwrap().build();
    for id in [7, 9] {
        for headers in seen_by(accounts.clone(), by_path, id).await {
            assert_eq!(headers["partnerid"], "partner");
        }
    }
    let tokens = accounts.get(&11).unwrap();
    let (first, second) = tokio::join!(tokens.token(), tokens.token());
    assert!(first.is_ok());
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Saturated);
}

#[tokio::test(start_paused = true)]
async fn account_is_selected_by_extension_header_or_path() {
    for select in [by_extension, by_header, by_path] {
        let world = World::default();
        for id in [7, 9] {
            for headers in seen(&world, select, id).await {
                assert_eq!(headers["authorization"], *token(&world, id, 1));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn selecting_header_can_be_removed() {
    for headers in seen(&World::default(), by_header, 7).await {
        assert!(!headers.contains_key("x-merchant"));
    }
    for headers in seen(&World::default(), by_extension, 7).await {
        assert!(headers.contains_key("x-merchant"));
    }
}

#[tokio::test(start_paused = true)]
async fn request_without_account_is_not_sent() {
    let api = service_fn(|_: Request<String>| async {
        panic!("called");
        #[expect(unreachable_code, reason = "its type")]
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let world = World::default();
    let layer = EnkashAuthLayer::per_account(world.accounts(), by_extension);
    let client = layer.replay(ReplayPolicy::default()).layer(api);
    let error = client.oneshot(get("http://localhost/")).await.unwrap_err();
    assert!(NotCalled::of(&*error).is_some());
    let error = error.downcast::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::NoAccount);
    assert_eq!(world.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn foreign_origin_sees_no_token_of_any_account() {
    let api = service_fn(|_: Request<String>| async {
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let layer = EnkashAuthLayer::per_account(World::default().accounts(), by_extension);
    let mut request = get("http://elsewhere/");
    request.extensions_mut().insert(Merchant(1));
    let error = layer.layer(api).oneshot(request).await.unwrap_err();
    let error = error.downcast::<Error>().unwrap();
    assert_eq!(error.kind(), ErrorKind::ForeignOrigin);
}

#[tokio::test(start_paused = true)]
async fn rejected_token_is_replaced_for_its_account_only() {
    let world = World::default();
    let first = token(&world, 1, 1);
    let api = service_fn(move |request: Request<String>| {
        let is_first = request.headers()["authorization"] == *first;
        async move {
            Ok::<_, Infallible>(match is_first {
                true => invalid_token(),
                false => Response::new(String::new()),
            })
        }
    });
    let accounts = world.accounts();
    for id in [1, 2] {
        accounts.get(&id).unwrap().token().await.unwrap();
    }
    sleep(YOUNG).await;
    let layer = EnkashAuthLayer::per_account(accounts, by_extension);
    let client = layer.replay(ReplayPolicy::default()).layer(api);
    for id in [1, 2, 1, 2] {
        let response = client.clone().oneshot(request("/", id)).await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!((world.requests_of(1), world.requests_of(2)), (2, 1));
}

type BySelect = fn(&mut RequestView<'_>) -> Option<u32>;

/// A stack that sends token requests through the layer, too: they name no account.
#[tokio::test(start_paused = true)]
async fn token_request_passes_the_layer_without_an_account() {
    let world = World::default();
    let layer = Arc::new(OnceLock::<
        EnkashAuthLayer<NoReplay, PerAccount<u32, BySelect>>,
    >::new());
    let (layers, server, database) = (Arc::clone(&layer), world.clone(), world.clone());
    let make = move || {
        let server = server.clone();
        let service = service_fn(move |request: Request<TokenRequestBody>| {
            let server = server.clone();
            async move { Ok::<_, Infallible>(server.respond(request).await) }
        });
        layers.get().unwrap().layer(service)
    };
    let server = TokenServer::with_service_factory(environment(), make).unwrap();
    let source = move |id| {
        let database = database.clone();
        async move { database.read(id).await }
    };
    let accounts = Accounts::builder(server, source)
        .process(Process::new())
        .build();
    let select: BySelect = by_extension;
    let _ = layer.set(EnkashAuthLayer::per_account(accounts.clone(), select));
    accounts.get(&1).unwrap().token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn printed_accounts_and_layers_hold_no_secret() {
    let world = World::default();
    let builder = format!("{:?}", world.builder());
    let accounts = world.accounts();
    let handle = accounts.get(&1).unwrap();
    let token = handle.token().await.unwrap();
    let one = EnkashAuthLayer::new(handle.clone());
    let many = EnkashAuthLayer::per_account(accounts.clone(), by_extension);
    let printed = format!("{builder} {accounts:?} {handle:?} {one:?} {many:?}");
    for secret in [token.expose(), "client-secret", "password"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
