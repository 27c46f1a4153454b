use std::{fmt, time::Duration};

use enkash_auth_core::{Client, Credentials, Environment, ManualClock, User};
use enkash_auth_sandbox::{
    Accounts, Endpoint, Fault, Issuer, Issuing, Rules, Sandbox, SandboxService,
};
use enkash_auth_tower::{
    EnkashAuth, EnkashAuthLayer, Error, RefreshPolicy, ReplayPolicy, TokenCache, TokenEndpoint,
};
use http::Request;
use tokio::time::sleep;
use tower::{Layer, ServiceExt};

const LIFETIME: Duration = Duration::from_secs(300);

/// The state of the cache when the fault occurs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// No token.
    Cold,
    /// A token in its refresh window.
    Early,
    /// A token past its deadline.
    Expired,
    /// A token to which the API responds with 401.
    Unauthorized,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Cold, Self::Early, Self::Expired, Self::Unauthorized];
}

/// The result of a call during a fault of the token endpoint.
#[derive(Debug)]
pub(crate) struct Met {
    state: State,
    call: Result<u16, String>,
    /// Token requests that the call caused.
    requests: u64,
    /// Attempts that may count at the server: rejected, unresolved.
    strikes: (usize, usize),
    is_locked: bool,
}

pub(crate) struct Scene {
    server: Sandbox,
    clock: ManualClock,
    tokens: TokenCache,
    client: EnkashAuth<SandboxService, ReplayPolicy>,
}

impl Scene {
    /// Brings a cache into `state`, then makes a call during `fault`.
    pub(crate) async fn meet(state: State, fault: Fault) -> Met {
        let scene = Self::start().await;
        if state != State::Cold {
            scene.tokens.warm_up().await.unwrap();
        }
        match state {
            State::Cold => {}
            State::Early => scene.clock.advance(LIFETIME - Duration::from_secs(20)),
            State::Expired => scene.clock.advance(LIFETIME),
            State::Unauthorized => drop(scene.server.issuer().revoke_all()),
        }
        let before = scene.server.issuer().counters().token_requests;
        let order = fault.at(Endpoint::Token);
        scene
            .server
            .issuer()
            .order(order.lasting(Duration::from_secs(3600)));
        let call = scene.call().await;
        // An early refresh outlives the call, as does a fetch without waiters.
        while scene.tokens.status().is_fetching() {
            sleep(Duration::from_millis(10)).await;
        }
        let (status, issuer) = (scene.tokens.status(), scene.server.issuer());
        let met = Met {
            state,
            call,
            requests: issuer.counters().token_requests - before,
            strikes: (status.strikes(), status.unresolved_attempts()),
            is_locked: issuer
                .account_statuses()
                .iter()
                .any(|account| account.locked),
        };
        scene.server.shutdown().await;
        met
    }

    async fn start() -> Self {
        // A user of its own: all cells share the record of attempts of this process.
        let user = format!("user-{}@example.com", fastrand::u64(..));
        let accounts = Accounts::none()
            .client("client-id", "client-secret")
            .user(&user, "password");
        let rules = Rules::new().lifetime(LIFETIME).issuing(Issuing::Rotating);
        let issuer = Issuer::builder().accounts(accounts).rules(rules).build();
        let server = Sandbox::builder()
            .issuer(issuer.clone())
            .start()
            .await
            .unwrap();
        let credentials = Credentials::password(
            Client::new("client-id", "client-secret"),
            User::new(user, "password"),
        );
        let environment = Environment::custom(&server.base_url()).unwrap();
        let endpoint = TokenEndpoint::new(environment, credentials).unwrap();
        let mut policy = RefreshPolicy::default();
        policy.fetch_timeout = Duration::from_secs(2);
        let clock = ManualClock::new();
        let tokens = TokenCache::builder(endpoint)
            .policy(policy)
            .unwrap()
            .clock(clock.clone())
            .build();
        let layer = EnkashAuthLayer::new(tokens.clone()).replay(ReplayPolicy::default());
        Self {
            // The API is in memory: only the token server is faulty.
            client: layer.layer(SandboxService::new(issuer)),
            server,
            clock,
            tokens,
        }
    }

    async fn call(&self) -> Result<u16, String> {
        let uri = format!("{}/api/v0/cards", self.server.base_url());
        let request = Request::get(uri).body(String::new()).unwrap();
        match self.client.clone().oneshot(request).await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => {
                let error = error.downcast_ref::<Error>().unwrap();
                Err(format!("{:?}", error.kind()))
            }
        }
    }
}

impl Met {
    /// Returns whether a call with a valid token succeeded, one with an unauthorized token got at most a
    /// 401, and the account is not locked.
    pub(crate) fn is_bearable(&self) -> bool {
        let call = match self.state {
            State::Cold | State::Expired => true,
            State::Early => self.call == Ok(200),
            State::Unauthorized => matches!(self.call, Ok(200 | 401)),
        };
        let (rejected, unresolved) = self.strikes;
        call && self.requests <= 3 && rejected + unresolved <= 2 && !self.is_locked
    }
}

impl fmt::Display for Met {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.call {
            Ok(status) => write!(f, "{status}")?,
            Err(kind) => write!(f, "`{kind}`")?,
        }
        match self.requests {
            1 => f.write_str(", 1 request")?,
            requests => write!(f, ", {requests} requests")?,
        }
        match self.strikes.1 {
            0 => Ok(()),
            unresolved => write!(f, ", {unresolved} unresolved"),
        }
    }
}
