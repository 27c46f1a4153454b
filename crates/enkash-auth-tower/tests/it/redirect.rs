//! `tower-http`'s `FollowRedirect` above and below: what a hop to a foreign origin, or over http, carries.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use enkash_auth_core::{Credentials, Environment};
use enkash_auth_sandbox::{Accounts, Issuer, SandboxService};
use enkash_auth_tower::{
    BoxError, EnkashAuthLayer, Error, ErrorKind, ResponseBody, TokenCache, TokenEndpoint,
};
use http::{HeaderName, HeaderValue, Request, Response};
use tower::{ServiceBuilder, ServiceExt, service_fn, util::BoxCloneSyncService};
use tower_http::follow_redirect::FollowRedirectLayer;

use crate::support::{TokioClock, user};

const HOME: &str = "https://api.enkash.test";

/// What the layer adds to a call.
const ADDED: [&str; 4] = ["authorization", "merchantaccesskey", "partnerid", "api-key"];

/// The requests that arrived: the address, and which of the layer's headers they carried.
type Seen = Arc<Mutex<Vec<Hop>>>;
type Hop = (String, Vec<&'static str>);
type Client = BoxCloneSyncService<Request<String>, Response<ResponseBody<String>>, BoxError>;

/// Returns a client of servers that redirect to the address in the query, with `FollowRedirect` above or
/// below the layer.
fn client(is_above: bool) -> (Client, Seen) {
    let access_key = user();
    let accounts = Accounts::none().merchant(&access_key, "secret-key");
    let issuer = Issuer::builder().accounts(accounts).build();
    let endpoint = TokenEndpoint::with_service(
        Environment::custom(HOME).unwrap(),
        Credentials::merchant(access_key, "secret-key"),
        SandboxService::new(issuer),
    )
    .unwrap();
    let tokens = TokenCache::builder(endpoint)
        .clock(TokioClock::new())
        .build();
    let seen = Seen::default();
    let servers = service_fn({
        let seen = Arc::clone(&seen);
        move |request: Request<String>| {
            let carried = ADDED
                .into_iter()
                .filter(|name| request.headers().contains_key(*name));
            let hop = (request.uri().to_string(), carried.collect());
            seen.lock().unwrap().push(hop);
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
    let api_key = HeaderName::from_static("api-key");
    let auth = EnkashAuthLayer::new(tokens)
        .partner_id("P1")
        .unwrap()
        .header(api_key, HeaderValue::from_static("k1"));
    let follow = FollowRedirectLayer::new();
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

fn second_hop(seen: &Seen) -> Option<Hop> {
    let mut hops = seen.lock().unwrap().clone().into_iter();
    assert_eq!(hops.next().unwrap().1, ADDED, "the first");
    let second = hops.next();
    assert_eq!(hops.next(), None);
    second
}

/// Addresses that may not see the layer's headers: other hosts, other ports, and plain http.
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

/// The policy of `tower-http` knows the headers of no product: the README says so.
#[tokio::test(start_paused = true)]
async fn redirect_below_strips_the_token_alone_at_foreign_hop() {
    for location in FOREIGN {
        let (client, seen) = client(false);
        assert_eq!(start(client, location).await.unwrap(), 200);
        let (_, carried) = second_hop(&seen).unwrap();
        assert_eq!(carried, ADDED[1..], "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn redirect_within_origin_carries_all_headers() {
    for is_above in [true, false] {
        let (client, seen) = client(is_above);
        assert_eq!(start(client, "/end").await.unwrap(), 200);
        let end = format!("{HOME}/end");
        let hop = Some((end, ADDED.to_vec()));
        assert_eq!(second_hop(&seen), hop, "{is_above}");
    }
}
