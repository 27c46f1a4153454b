//! `tower-http`'s `FollowRedirect` above and below: no token to a foreign origin, none over http.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use enkash_auth_core::Environment;
use enkash_auth_sandbox::SandboxService;
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Error, ErrorKind, ResponseBody, TokenCache, TokenEndpoint,
};
use http::{Request, Response, header::AUTHORIZATION};
use tower::{ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::support::{Kit, TokioClock, credentials, rules};

const HOME: &str = "https://api.enkash.test";

/// The requests that arrived: the address, and whether a token was attached.
type Seen = Arc<Mutex<Vec<(String, bool)>>>;
type Client = BoxCloneSyncService<Request<String>, Response<ResponseBody<String>>, BoxError>;

/// Returns a client of servers that redirect to the address in the query, with `FollowRedirect` above or
/// below the layer.
fn client(is_above: bool) -> (Client, Seen) {
    let kit = Kit::new(rules(300, 10));
    let endpoint = TokenEndpoint::with_service(
        Environment::custom(HOME).unwrap(),
        credentials(&kit.user, "password"),
        SandboxService::new(kit.issuer.clone()),
    )
    .unwrap();
    let tokens = TokenCache::builder(endpoint)
        .clock(TokioClock::new())
        .build();
    let seen = Seen::default();
    let servers = service_fn({
        let seen = Arc::clone(&seen);
        move |request: Request<String>| {
            let has_token = request.headers().contains_key(AUTHORIZATION);
            let address = request.uri().to_string();
            seen.lock().unwrap().push((address, has_token));
            let location = request.uri().query().map(str::to_owned);
            async move {
                let mut response = Response::default();
                if let Some(location) = location {
                    *response.status_mut() = http::StatusCode::TEMPORARY_REDIRECT;
                    response
                        .headers_mut()
                        .insert("location", location.parse().unwrap());
                }
                Ok::<Response<String>, Infallible>(response)
            }
        }
    });
    let (auth, follow) = (EnkashAuthLayer::new(tokens), FollowRedirectLayer::new());
    let client = if is_above {
        let stack = ServiceBuilder::new().layer(follow).layer(auth);
        BoxCloneSyncService::new(stack.service(servers))
    } else {
        let stack = ServiceBuilder::new().layer(auth).layer(follow);
        BoxCloneSyncService::new(stack.service(servers))
    };
    (client, seen)
}

/// Calls `/start` of the own origin, which redirects to `location`.
async fn start(client: Client, location: &str) -> Result<u16, BoxError> {
    let request = Request::get(format!("{HOME}/start?{location}"));
    let response = client.oneshot(request.body(String::new())?).await?;
    Ok(response.status().as_u16())
}

fn second_hop(seen: &Seen) -> Option<(String, bool)> {
    let seen = seen.lock().unwrap();
    let mut hops = seen
        .iter()
        .map(|(address, has_token)| (address.clone(), *has_token));
    assert!(hops.next().unwrap().1, "the first has a token");
    let second = hops.next();
    assert_eq!(hops.next(), None);
    second
}

/// Addresses that may not see the token: other hosts, other ports, and plain http.
const FOREIGN: [&str; 5] = [
    "https://example.com/x",
    "https://api.enkash.test.example.com/x",
    "https://api.enkash.test:8443/x",
    "http://api.enkash.test/x",
    "//example.com/x",
];

#[tokio::test(start_paused = true)]
async fn redirect_above_blocks_hop_to_foreign_origin() {
    for location in FOREIGN {
        let (client, seen) = client(true);
        let error = start(client, location).await.unwrap_err();
        let error = error.downcast_ref::<Error>().unwrap();
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{location}");
        assert_eq!(second_hop(&seen), None, "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirect_below_sends_foreign_hop_without_token() {
    for location in FOREIGN {
        let (client, seen) = client(false);
        assert_eq!(start(client, location).await.unwrap(), 200);
        let (_, has_token) = second_hop(&seen).unwrap();
        assert!(!has_token, "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirect_within_origin_carries_the_token() {
    for is_above in [true, false] {
        let (client, seen) = client(is_above);
        assert_eq!(start(client, "/end").await.unwrap(), 200);
        let end = format!("{HOME}/end");
        assert_eq!(second_hop(&seen), Some((end, true)), "{is_above}");
    }
}
