use enkash_auth_core::Environment;
use enkash_auth_sandbox::{Accounts, Issuer, Sandbox, Tls};
use enkash_auth_tower::{Egress, RefreshPolicy, TokenCache, TokenEndpoint};

use super::connect_proxy::{ConnectProxy, Manner};
use crate::{
    sockets::HeldClock,
    support::{credentials, user},
};

/// A name that does not resolve: only a proxy reaches it.
pub(super) const HOST: &str = "enkash.test";

/// `proxy user:p@ss:w/rd`, as sent.
pub(super) const PROXY_BASIC: &str = "cHJveHkgdXNlcjpwQHNzOncvcmQ=";
pub(super) const PROXY_USER: &str = "proxy%20user:p%40ss%3Aw%2Frd";

pub(super) const PASSWORD: &str = "s3cret-password";

/// A sandbox behind TLS, in a test whose clock is paused. It holds that clock, so that no timeout depends
/// on the speed of the machine.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) user: String,
    held: Option<HeldClock>,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let held = Some(HeldClock::new());
        let user = user();
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user(&user, PASSWORD);
        let issuer = Issuer::builder().accounts(accounts).build();
        let sandbox = Sandbox::builder()
            .issuer(issuer)
            .tls(Tls::new().name(HOST).name("192.0.2.1"))
            .start()
            .await
            .unwrap();
        Self {
            sandbox,
            user,
            held,
        }
    }

    /// Lets the clock advance when the runtime is idle.
    pub(super) fn release_clock(&mut self) {
        self.held = None;
    }

    pub(super) fn hold_clock(&mut self) {
        self.held = Some(HeldClock::new());
    }

    /// Returns the base URL of the sandbox as reached through a proxy.
    pub(super) fn base(&self) -> String {
        self.base_at(HOST)
    }

    pub(super) fn base_at(&self, host: &str) -> String {
        format!("https://{host}:{}", self.sandbox.addr().port())
    }

    pub(super) async fn proxy(&self) -> ConnectProxy {
        ConnectProxy::start(Manner::Tunnel(self.sandbox.addr())).await
    }

    /// Returns the CA that clients have to trust.
    pub(super) fn pem(&self) -> &str {
        self.sandbox.certificate_authority().unwrap().pem()
    }

    /// Returns the egress through `proxy`, with its credentials and the sandbox's CA.
    pub(super) fn egress(&self, proxy: &ConnectProxy) -> Egress {
        through(proxy).trust_pem(self.pem().as_bytes()).unwrap()
    }

    /// Returns a cache whose fetches make one attempt.
    pub(super) fn cache(&self, base: &str, egress: &Egress) -> TokenCache {
        let environment = Environment::custom(base).unwrap();
        let credentials = credentials(&self.user, PASSWORD);
        let endpoint = TokenEndpoint::with_egress(environment, credentials, egress).unwrap();
        let mut policy = RefreshPolicy::default();
        policy.attempts = 1;
        TokenCache::builder(endpoint)
            .policy(policy)
            .unwrap()
            .build()
    }

    pub(super) fn token_requests(&self) -> u64 {
        self.sandbox.issuer().counters().token_requests
    }
}

pub(super) fn through(proxy: &ConnectProxy) -> Egress {
    let url = format!("http://{PROXY_USER}@{}", proxy.address());
    Egress::direct().proxy(&url).unwrap()
}
