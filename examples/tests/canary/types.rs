//! `Debug` of every public type that can hold a secret and is met nowhere else here.

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_core::{
    AnswerBody, BaseUrl, Bearer, Client, Clock, RefreshPolicy, SystemClock, TokenAnswer,
    TokenRequest, User,
    lifetime::Lifetime,
    state::{Outcome, State},
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_sandbox::{Accounts, Issuer, SandboxService};
use enkash_auth_tower::{EnkashAuthLayer, MemoryStore, ReplayPolicy, TokenCache, TokenStore};
use http::{HeaderMap, StatusCode};
use tower::Layer;

use crate::{
    sinks::Canary,
    stage::{KINDS, credentials, endpoint},
};

#[tokio::test]
async fn no_type_shows_what_it_holds() {
    let canary = Canary::new();
    let base: BaseUrl = "http://localhost".parse().unwrap();
    canary.debug(Client::new("client-id", canary.password("client secret")));
    canary.debug(User::new("user@example.com", canary.password("password")));
    for kind in KINDS {
        let credentials = credentials(&canary, kind);
        canary.debug((
            &credentials,
            credentials.account(&base),
            credentials.ledger_fingerprint(&[1; 32]),
        ));
        canary.debug(TokenRequest::new(&base, &credentials).unwrap());

        let token = canary.secret("token");
        let body = format!(r#"{{"access_token":"{token}","expires_in":600}}"#);
        let body = AnswerBody::Complete(Bytes::from(body));
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", token.parse().unwrap());
        let answer = TokenAnswer::new(StatusCode::OK, headers, body.clone());
        let now = SystemClock.now();
        let grant = answer.read(now, &credentials).unwrap();
        canary.debug((&body, &answer, &grant, grant.bearer(), grant.lifetime()));
        canary.error(&Bearer::new(&format!("{token} {token}")).unwrap_err());

        let policy = RefreshPolicy::default();
        let mut state = State::new();
        canary.debug(state.ask(now, true, &policy));
        let flight = state.flight().unwrap();
        let outcome = Outcome::Granted(grant.bearer().clone(), *grant.lifetime());
        canary.debug(&outcome);
        let landed = state.land(flight.number(), outcome, now, 0.5, &policy);
        canary.debug((landed, &state, state.view(now)));
        canary.debug(state.ask(now, true, &policy));

        let endpoint = endpoint(base.as_str(), credentials);
        let principal = endpoint.principal();
        canary.debug((&endpoint, principal));
        let store = MemoryStore::new();
        let bid = || Bid::new(Holder::new(7, 1), &policy);
        let begun = store.begin(principal, bid(), None, now).await.unwrap();
        canary.debug((&begun, &store));
        let enkash_auth_tower::Begin::Granted(leave) = begun else {
            panic!("{begun:?}");
        };
        let settled = store.finish(principal, &leave, Settlement::Granted, Some(&grant), now);
        let standing = settled.await.unwrap();
        canary.debug((&standing, &store, &leave));
        canary.debug(store.begin(principal, bid(), None, now).await.unwrap());
        let stored = standing.token.unwrap();
        let sealed = principal.seal(&stored, now, now.unix_nanos()).unwrap();
        canary.debug(&sealed);
        canary.note("sealed", sealed.clone());
        canary.debug(principal.open(&sealed, now, now.unix_nanos()));
        canary.debug(principal.open(&sealed[1..], now, now.unix_nanos()));
        canary.debug(Lifetime::kept(now, Duration::from_secs(1), false));

        let tokens = TokenCache::builder(endpoint);
        canary.debug(&tokens);
        let tokens = tokens.build();
        let layer = EnkashAuthLayer::new(tokens.clone());
        let replay = layer.clone().replay(ReplayPolicy::default());
        canary.debug((&replay, layer.layer(()), replay.layer(()), tokens.token()));
    }
    let accounts = Accounts::none()
        .client("client-id", canary.password("client secret of the sandbox"))
        .user(
            "user@example.com",
            canary.password("password of the sandbox"),
        )
        .merchant("access-key", canary.password("secret key of the sandbox"))
        .api_key(canary.secret("API key of the sandbox"));
    let issuer = Issuer::builder().accounts(accounts.clone()).build();
    canary.debug((accounts, &issuer, SandboxService::new(issuer.clone())));
    canary.assert_silent(&["Debug", "error", "sealed"]);
}
