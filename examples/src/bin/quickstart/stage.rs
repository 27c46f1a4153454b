use std::time::Duration;

use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_sandbox::{Issuer, Issuing, Rounding, Rules, Sandbox};
use enkash_auth_tower::{BoxError, TokenCache, TokenEndpoint};
use http::Uri;

use crate::api::{Api, api};

/// The lifetime of the first tokens.
const SHORT: Duration = Duration::from_secs(4);

/// The lifetime of a token that outlives an outage: the next one is due 2.25 to 3 s before it expires,
/// and a second fetch follows a failed one within 1.6 s.
const LONG: Duration = Duration::from_secs(12);

/// The delay of the response to a token request.
const DELAY: Duration = Duration::from_millis(20);

/// A token server and an API on loopback, and a client to it.
pub(crate) struct Stage {
    sandbox: Sandbox,
    pub(crate) tokens: TokenCache,
    pub(crate) api: Api,
    /// The URL of an API path.
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

    /// Closes the client's connections, so that the server does not wait for them.
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

    /// Waits until the next token is almost due.
    pub(crate) async fn until_almost_due(&self) {
        // The remaining time ends 250 ms before the token expires.
        let almost = |left: Duration| left <= LONG / 4;
        wait_for(|| self.tokens.status().remaining().is_none_or(almost)).await;
    }

    pub(crate) fn issue_long_tokens(&self) {
        self.issuer().change_rules(|rules| rules.lifetime(LONG));
    }

    /// Causes an outage of the token endpoint for the next `requests`.
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
