use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Accounts, Issuer, Rules, SandboxService};
use enkash_auth_tower::{
    EnkashAuth, EnkashAuthLayer, RefreshPolicy, TokenCache, TokenEndpoint, TokenRequestBody,
};
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use tower::{Layer, Service, ServiceExt};

pub(crate) use crate::clock::TokioClock;

/// Loopback, but without sockets: all services are in memory.
pub(crate) const BASE: &str = "http://localhost";

/// Returns a user that no other test has: the account records belong to the process.
pub(crate) fn user() -> String {
    static USERS: AtomicU64 = AtomicU64::new(0);
    format!("user-{}@example.com", USERS.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn credentials(user: &str, password: &str) -> Credentials {
    Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new(user, password),
    )
}

pub(crate) fn environment() -> Environment {
    Environment::custom(BASE).unwrap()
}

/// Returns an endpoint whose token requests are handled by `respond`, and whose probes succeed.
pub(crate) fn endpoint<F, Fut>(respond: F) -> TokenEndpoint
where
    F: Fn(Request<TokenRequestBody>) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Response<String>> + Send + 'static,
{
    let service = tower::service_fn(move |request: Request<TokenRequestBody>| {
        let response = (request.method() != "HEAD").then(|| respond(request));
        async move {
            Ok::<_, Infallible>(match response {
                Some(response) => response.await,
                None => Response::new(String::new()),
            })
        }
    });
    TokenEndpoint::with_service(environment(), credentials(&user(), "password"), service).unwrap()
}

pub(crate) fn cache(endpoint: TokenEndpoint) -> TokenCache {
    TokenCache::builder(endpoint)
        .clock(TokioClock::new())
        .build()
}

/// Returns the response of a server that grants `token`.
pub(crate) fn grant(token: &str, seconds: u64) -> Response<String> {
    Response::new(format!(
        r#"{{"access_token":"{token}","token_type":"bearer","expires_in":{seconds}}}"#
    ))
}

pub(crate) fn status(code: u16) -> Response<String> {
    Response::builder()
        .status(code)
        .body(String::new())
        .unwrap()
}

/// Returns the response of an API that proves that it does not take the token.
pub(crate) fn invalid_token() -> Response<String> {
    let response = Response::builder().status(401);
    let response = response.header("www-authenticate", r#"Bearer error="invalid_token""#);
    response.body(String::new()).unwrap()
}

/// How long after the issue of a token no proof against it is believed.
pub(crate) const YOUNG: Duration = Duration::from_secs(3);

/// A sandbox in memory, and a cache that fetches from it.
pub(crate) struct Kit {
    pub(crate) issuer: Issuer,
    pub(crate) tokens: TokenCache,
    pub(crate) user: String,
}

impl Kit {
    pub(crate) fn new(rules: Rules) -> Self {
        Self::with_policy(rules, RefreshPolicy::default())
    }

    pub(crate) fn with_policy(rules: Rules, policy: RefreshPolicy) -> Self {
        let user = user();
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user(&user, "password");
        let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
        let endpoint = TokenEndpoint::with_service(
            environment(),
            credentials(&user, "password"),
            SandboxService::new(issuer.clone()),
        )
        .unwrap();
        let tokens = TokenCache::builder(endpoint)
            .policy(policy)
            .unwrap()
            .clock(TokioClock::new())
            .build();
        Self {
            issuer,
            tokens,
            user,
        }
    }

    /// Returns another cache for the same account.
    pub(crate) fn beside(other: &Self) -> Self {
        let endpoint = TokenEndpoint::with_service(
            environment(),
            credentials(&other.user, "password"),
            SandboxService::new(other.issuer.clone()),
        )
        .unwrap();
        Self {
            issuer: other.issuer.clone(),
            tokens: cache(endpoint),
            user: other.user.clone(),
        }
    }

    /// Returns an endpoint for the same account with `password`.
    pub(crate) fn endpoint(&self, password: &str) -> TokenEndpoint {
        TokenEndpoint::with_service(
            environment(),
            credentials(&self.user, password),
            SandboxService::new(self.issuer.clone()),
        )
        .unwrap()
    }

    /// Returns whether the server has locked the account.
    pub(crate) fn is_locked(&self) -> bool {
        let accounts = self.issuer.account_statuses();
        accounts.iter().any(|account| account.locked)
    }

    /// Returns a client of the sandbox's API that attaches tokens.
    pub(crate) fn client(&self) -> EnkashAuth<SandboxService> {
        EnkashAuthLayer::new(self.tokens.clone()).layer(SandboxService::new(self.issuer.clone()))
    }
}

/// Returns rules with a new token for each fetch, which takes `delay` milliseconds.
pub(crate) fn rules(lifetime: u64, delay: u64) -> Rules {
    Rules::new()
        .lifetime(Duration::from_secs(lifetime))
        .issuing(enkash_auth_sandbox::Issuing::Rotating)
        .delay(Duration::from_millis(delay))
}

pub(crate) fn get(uri: &str) -> Request<String> {
    Request::get(uri).body(String::new()).unwrap()
}

/// Makes one API call, and returns its status.
pub(crate) async fn call<S, B>(service: &mut S) -> Result<u16, S::Error>
where
    S: Service<Request<String>, Response = Response<B>>,
{
    let request = get("http://localhost/api/v0/cards");
    let response = service.ready().await?.call(request).await?;
    Ok(response.status().as_u16())
}

/// A service that records the heads of its requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder(Arc<Mutex<Vec<HeaderMap>>>);

impl Recorder {
    pub(crate) fn tokens(&self) -> Vec<String> {
        let heads = self.0.lock().unwrap();
        heads
            .iter()
            .map(|head| {
                let mut values = head.get_all(AUTHORIZATION).iter();
                let value = values.next().unwrap();
                assert!(values.next().is_none(), "one Authorization header");
                assert!(value.is_sensitive());
                value.to_str().unwrap().to_owned()
            })
            .collect()
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Service<Request<String>> for Recorder {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        self.0.lock().unwrap().push(request.headers().clone());
        std::future::ready(Ok(Response::new(String::new())))
    }
}
