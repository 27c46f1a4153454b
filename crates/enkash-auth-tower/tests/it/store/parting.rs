//! What a cache owes its store is told: by the cache when the store is well, or when it is dropped.

use std::time::Duration;

use enkash_auth_core::ErrorKind;
use enkash_auth_tower::OnStoreDown;
use tokio::time::sleep;

use super::{
    flaky::Mood,
    refused::{Server, fleet, over},
};

#[tokio::test(start_paused = true)]
async fn a_refusal_that_only_a_dropped_cache_knew_is_on_the_record() {
    let (fleet, server) = (fleet(), Server::default());
    let endpoint = server.endpoint();
    let tokens = over(endpoint.clone(), &fleet, OnStoreDown::Wait);
    tokens.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    let refused = tokio::spawn(tokens.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Refusing);
    let error = refused.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    drop(tokens);
    fleet.store.set(Mood::Well);
    let next = over(endpoint, &fleet, OnStoreDown::Wait);
    let error = next.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(next.status().token_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn leave_that_came_late_is_given_back_when_the_store_is_well_again() {
    let fleet = fleet();
    fleet.kit.issuer.set_outage(true);
    let tokens = over(fleet.kit.endpoint("password"), &fleet, OnStoreDown::Wait);
    fleet.store.set(Mood::Late);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StoreUnavailable);
    // It comes now, and cannot be given back.
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(1)).await;
    fleet.store.set(Mood::Well);
    let error = tokens.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(tokens.status().possible_strikes(), 0);
    assert_eq!(fleet.store.unsettled(), 0);
}
