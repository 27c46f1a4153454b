use std::time::Duration;

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Issuer, Issuing, Rounding, Rules, Sandbox};
use enkash_auth_tower::{BoxError, TokenCache, TokenEndpoint};
use http::Uri;

use crate::api::{Api, api};

/// How long the first tokens live.
const SHORT: Duration = Duration::from_secs(4);

/// How long a token lives that is to outlive an outage: the next one is due 2.25 to 3 s before its
/// end, and a second fetch follows a failed one within 1.6 s.
const LONG: Duration = Duration::from_secs(12);

/// How long the answer to a token request takes.
const DELAY: Duration = Duration::from_millis(20);

/// A token server and an API on loopback, and a client to it.
pub(crate) struct Stage {
    sandbox: Sandbox,
    pub(crate) tokens: TokenCache,
    pub(crate) api: Api,
    /// An API path.
    pub(crate) uri: Uri,
}

impl Stage {
    pub(crate) async fn set() -> Result<Self, BoxError> {
        let rules = Rules::new()
            .lifetime(SHORT)
            .delay(DELAY)
            .issuing(Issuing::Rotating)
            .rounding(Rounding::Exact);
        let issuer = Issuer::builder().rules(rules).build();
        let sandbox = Sandbox::builder().issuer(issuer).start().await?;
        let credentials = Credentials::password(
            Client::new("client-id", "client-secret"),
            User::new("user@example.com", "password"),
        );
        let environment = Environment::custom(&sandbox.base_url())?;
        let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);
        Ok(Self {
            api: api(tokens.clone()),
            tokens,
            uri: format!("{}/api/v0/payouts", sandbox.base_url()).parse()?,
            sandbox,
        })
    }

    /// Closes the connections of the client before the server waits for them.
    pub(crate) async fn clear(self) {
        drop((self.api, self.tokens));
        self.sandbox.shutdown().await;
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.issuer().counters().token_requests
    }

    /// Waits until the server has issued `tokens` in all.
    pub(crate) async fn until_issued(&self, tokens: u64) {
        wait_for(|| self.issuer().counters().minted >= tokens).await;
    }

    /// Waits until all tokens but the newest have expired.
    pub(crate) async fn until_expired(&self) {
        wait_for(|| self.issuer().tokens_alive() <= 1).await;
    }

    /// Waits until the next token is due in a moment.
    pub(crate) async fn until_almost_due(&self) {
        // Counted to the last use of the token, which is 250 ms before its end.
        let almost = |left: Duration| left <= LONG / 4;
        wait_for(|| self.tokens.status().remaining().is_none_or(almost)).await;
    }

    pub(crate) fn issue_long_tokens(&self) {
        self.issuer().change_rules(|rules| rules.lifetime(LONG));
    }

    /// Puts the token endpoint out of order until it has turned away `requests`.
    pub(crate) async fn be_out_for(&self, requests: u64) {
        let last = self.token_requests() + requests;
        self.issuer().set_outage(true);
        wait_for(|| self.token_requests() >= last).await;
        self.issuer().set_outage(false);
    }

    fn issuer(&self) -> &Issuer {
        self.sandbox.issuer()
    }
}

async fn wait_for(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
