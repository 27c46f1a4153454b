//! A store that goes down where credentials were refused before: they are not sent again.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use enkash_auth_core::{
    Clock, ErrorKind, RefreshPolicy,
    strikes::{Bid, Holder, Settlement},
};
use enkash_auth_tower::{Begin, OnStoreDown, TokenCache, TokenEndpoint, TokenStore};
use http::Response;
use tokio::time::sleep;

use super::{
    Fleet,
    flaky::{Flaky, Mood},
};
use crate::support::{Kit, credentials, endpoint, grant, rules};

/// More than the pause of a quarantine.
pub(super) const LOOK: Duration = Duration::from_secs(6);

pub(super) fn fleet() -> Fleet<Flaky> {
    Fleet::new(Kit::new(rules(300, 10)), Flaky::default())
}

pub(super) fn attempting(fleet: &Fleet<Flaky>, password: &str) -> TokenCache {
    over(fleet.kit.endpoint(password), fleet, OnStoreDown::Attempt)
}

pub(super) fn over(
    endpoint: TokenEndpoint,
    fleet: &Fleet<Flaky>,
    on_store_down: OnStoreDown,
) -> TokenCache {
    TokenCache::builder(endpoint)
        .clock(fleet.clock)
        .store(Arc::new(Flaky::clone(&fleet.store)))
        .on_store_down(on_store_down)
        .build()
}

/// A server on which the password can be changed.
#[derive(Clone, Default)]
pub(super) struct Server(Arc<AtomicBool>);

impl Server {
    pub(super) fn change_password(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn endpoint(&self) -> TokenEndpoint {
        let Self(changed) = self.clone();
        endpoint(move |_| {
            let response = match changed.load(Ordering::Relaxed) {
                false => grant("token", 60),
                true => refusal(),
            };
            async move {
                sleep(Duration::from_secs(1)).await;
                response
            }
        })
    }
}

/// A process elsewhere, whose record of its own is not that of this one, is refused.
async fn refused_elsewhere(fleet: &Fleet<Flaky>, endpoint: &TokenEndpoint) {
    let (who, now) = (endpoint.principal(), fleet.clock.now());
    let bid = Bid::new(Holder::new(0, 1), &RefreshPolicy::default());
    let standing = fleet.store.load(who, now).await.unwrap();
    let known = standing.token.map(|token| token.edition());
    let Begin::Granted(leave) = fleet.store.begin(who, bid, known, now).await.unwrap() else {
        panic!("no leave");
    };
    let rejected = Settlement::Rejected(ErrorKind::Rejected);
    let finish = fleet.store.finish(who, &leave, rejected, None, now);
    finish.await.unwrap();
}

fn refusal() -> Response<String> {
    Response::builder()
        .status(400)
        .body(r#"{"error":"invalid_grant"}"#.to_owned())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_this_process_was_refused_is_not_sent_without_the_store() {
    let fleet = fleet();
    let tokens = attempting(&fleet, "wrong");
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Refusing);
    sleep(LOOK).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    // Nor by another cache of the process.
    let error = attempting(&fleet, "wrong").token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_denied_is_not_sent_without_it() {
    let fleet = fleet();
    refused_elsewhere(&fleet, &fleet.kit.endpoint("wrong")).await;
    let tokens = attempting(&fleet, "wrong");
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Refusing);
    sleep(LOOK).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(fleet.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn credentials_that_were_good_once_and_refused_elsewhere_are_not_sent_without_the_store() {
    let (fleet, server) = (fleet(), Server::default());
    let endpoint = server.endpoint();
    let tokens = over(endpoint.clone(), &fleet, OnStoreDown::Wait);
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    refused_elsewhere(&fleet, &endpoint).await;
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    fleet.store.set(Mood::Refusing);
    sleep(LOOK).await;
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().token_requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_stored_token_proves_no_credentials_that_were_refused_since() {
    let (fleet, server) = (fleet(), Server::default());
    let endpoint = server.endpoint();
    let one = over(endpoint.clone(), &fleet, OnStoreDown::Wait);
    one.token().await.unwrap();
    server.change_password();
    // It is renewed early, in vain; the token is good for a while.
    sleep(Duration::from_secs(55)).await;
    one.token().await.unwrap();
    sleep(Duration::from_millis(1_100)).await;
    assert_eq!(one.status().strikes(), 1);
    let two = TokenCache::builder(endpoint)
        .clock(fleet.clock)
        .store(Arc::new(Flaky::clone(&fleet.store)))
        .build();
    two.token().await.unwrap();
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(10)).await;
    let error = two.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(two.status().token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_without_the_store_counts_where_the_account_is_closed() {
    let fleet = fleet();
    let who = fleet.kit.endpoint("another");
    fleet.store.set(Mood::Refusing);
    let tokens = attempting(&fleet, "wrong");
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Well);
    // Others have made two attempts meanwhile of which nobody knows.
    for cache in 0..2 {
        let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
        let now = fleet.clock.now();
        drop(fleet.store.begin(who.principal(), bid, None, now).await);
    }
    sleep(LOOK).await;
    tokens.token().await.unwrap_err();
    assert_eq!(tokens.status().strikes(), 1);
    // A quarter of an hour later others may try again, and it may not.
    sleep(Duration::from_secs(16 * 60)).await;
    tokens.token().await.unwrap_err();
    fleet.start("wrong").token().await.unwrap_err();
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_store_counted_is_counted_without_it() {
    let fleet = fleet();
    refused_elsewhere(&fleet, &fleet.kit.endpoint("one")).await;
    let tokens = attempting(&fleet, "one");
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Refusing);
    for password in ["two", "three", "password"] {
        tokens
            .set_credentials(credentials(&fleet.kit.user, password))
            .unwrap();
        tokens.token().await.unwrap_err();
    }
    assert_eq!(fleet.requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_success_without_the_store_clears_what_it_counted() {
    let fleet = fleet();
    refused_elsewhere(&fleet, &fleet.kit.endpoint("one")).await;
    let tokens = attempting(&fleet, "one");
    tokens.token().await.unwrap_err();
    fleet.store.set(Mood::Refusing);
    for (password, company) in [("password", "A"), ("two", "B"), ("password", "C")] {
        let credentials = credentials(&fleet.kit.user, password).company_id(company);
        tokens.set_credentials(credentials).unwrap();
        let is_served = tokens.token().await.is_ok();
        assert_eq!(is_served, password == "password", "{company}");
    }
    assert_eq!(fleet.requests(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_reset_does_not_prove_what_was_refused() {
    let (fleet, server) = (fleet(), Server::default());
    let tokens = over(server.endpoint(), &fleet, OnStoreDown::Wait);
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    tokens.token().await.unwrap_err();
    tokens.reset().await.unwrap();
    fleet.store.set(Mood::Refusing);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    assert_eq!(tokens.status().token_requests(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_others_brought_ends_what_the_store_denied() {
    let fleet = fleet();
    let endpoint = fleet.kit.endpoint("password");
    for cache in 0..2 {
        let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
        let now = fleet.clock.now();
        drop(
            fleet
                .store
                .begin(endpoint.principal(), bid, None, now)
                .await,
        );
    }
    let tokens = fleet.start("password");
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unresolved);
    let account = endpoint.account();
    fleet.store.reset(account, fleet.clock.now()).await.unwrap();
    fleet.start("password").token().await.unwrap();
    sleep(LOOK).await;
    tokens.token().await.unwrap();
    assert_eq!(tokens.status().token_requests(), 0);
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn good_credentials_are_not_to_blame_without_the_store_either() {
    let fleet = fleet();
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    fleet.store.set(Mood::Refusing);
    let delay = |delay| {
        let issuer = &fleet.kit.issuer;
        issuer.change_rules(|rules| rules.delay(Duration::from_secs(delay)));
    };
    delay(60);
    for _ in 0..3 {
        sleep(Duration::from_secs(300)).await;
        let error = tokens.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    delay(0);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}
