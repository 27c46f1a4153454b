//! `Debug` of every public type that can contain a secret and is not covered elsewhere.

use std::time::Duration;

use bytes::Bytes;
use enkash_auth_core::{
    BaseUrl, Bearer, Client, Clock, Credentials, Failure, Policy, ResponseBody, SystemClock,
    TokenRequest, TokenResponse, User,
    account::{AccountRecord, Acquire, AttemptContext, AttemptId, AttemptOutcome, Witness},
    lifetime::Lifetime,
    state::{FetchOutcome, State},
};
use enkash_auth_sandbox::{Accounts, Issuer, SandboxService};
use enkash_auth_tower::{
    EnkashAuthLayer, MemoryStore, ReplayPolicy, Store, TokenCache, internal::Process,
};
use http::{HeaderMap, StatusCode};
use tower::Layer;

use crate::{
    sinks::Canary,
    stage::{KINDS, credentials, endpoint},
};

#[tokio::test]
async fn debug_output_leaks_no_secret() {
    let canary = Canary::new();
    let base: BaseUrl = "http://localhost".parse().unwrap();
    canary.debug(Client::new("client-id", canary.password("client secret")));
    canary.debug(User::new("user@example.com", canary.password("password")));
    for kind in KINDS {
        let credentials = credentials(&canary, kind);
        canary.debug((
            &credentials,
            credentials.account(&base),
            credentials.fingerprint([1; 16]),
        ));
        canary.debug(TokenRequest::new(&base, &credentials).unwrap());

        let token = canary.secret("token");
        let body = format!(r#"{{"access_token":"{token}","expires_in":600}}"#);
        let body = ResponseBody::Complete(Bytes::from(body));
        let mut headers = HeaderMap::new();
        headers.insert("x-echo", token.parse().unwrap());
        let response = TokenResponse::new(StatusCode::OK, headers, body.clone());
        let now = SystemClock.now();
        let grant = response.read(now, &credentials, false).unwrap();
        canary.debug((&body, &response, &grant, grant.bearer(), grant.lifetime()));
        canary.error(&Bearer::new(&format!("{token} {token}")).unwrap_err());

        let policy = Policy::default();
        let mut state = State::<Failure>::new();
        canary.debug(state.lookup(now, Ok(()), &policy));
        let pending = state.pending().unwrap();
        let outcome = FetchOutcome::Granted(grant.bearer().clone(), *grant.lifetime());
        canary.debug(&outcome);
        let completed = state.complete(pending.number(), outcome, now, 0.5, &policy);
        canary.debug((completed, &state, state.view(now)));
        canary.debug(state.lookup(now, Ok(()), &policy));

        show_record(&canary, &credentials, &base, &token).await;
        canary.debug(Lifetime::kept(now, Duration::from_secs(1), false));

        let endpoint = endpoint(base.as_str(), credentials);
        canary.debug((&endpoint, endpoint.account()));
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
    canary.assert_silent(&["Debug", "error", "record", "sealed"]);
}

/// Shows an account record with all fields, in memory and as stored.
async fn show_record(canary: &Canary, credentials: &Credentials, base: &BaseUrl, token: &str) {
    let (account, now) = (credentials.account(base), SystemClock.now());
    let mut record = AccountRecord::default();
    let mut witness = Witness::default();
    for (number, outcome) in [
        AttemptOutcome::Granted,
        AttemptOutcome::Unresolved { complete: true },
        AttemptOutcome::Rejected { guessed: false },
        AttemptOutcome::Locked,
    ]
    .into_iter()
    .enumerate()
    {
        let ctx = AttemptContext {
            id: AttemptId::new([number as u8; 16]),
            salt: [7; 16],
            credentials,
            lease: Duration::from_secs(14),
            retry_unresolved_after: None,
            probe: None,
        };
        let mut facts = record.facts().clone();
        let acquired = facts.acquire(&ctx, &witness, now);
        canary.debug((&ctx, &acquired, &facts, facts.attempts()));
        let Acquire::Granted(permit) = acquired else {
            canary.debug(acquired);
            continue;
        };
        *record.facts_mut() = facts;
        record.facts_mut().record_outcome(&permit, outcome, now);
        let sealed = credentials
            .seal([1; 32], b"context", token.as_bytes())
            .unwrap();
        canary.note("sealed", sealed.clone());
        assert!(credentials.open(b"other", &sealed).is_none());
        record.keep_token(&permit, credentials, &sealed, u64::MAX, now);
        witness.see(record.facts(), now);
        witness.observe(record.facts());
        canary.debug((
            &permit,
            outcome,
            &record,
            &witness,
            record.token(credentials),
        ));
    }
    let bytes = record.to_bytes(account, [2; 16]).unwrap();
    canary.note("record", bytes.clone());
    let damaged = AccountRecord::from_bytes(account, &bytes[1..]).unwrap_err();
    canary.error(&damaged);
    canary.debug(AccountRecord::in_place_of(&bytes[1..], now));
    let store = MemoryStore::new();
    store.compare_and_set(&account, None, &bytes).await.unwrap();
    canary.debug((&store, Process::new()));
}
