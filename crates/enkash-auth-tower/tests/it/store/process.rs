//! What the record of the process keeps beside that of the store, and when it is cleared.

use std::time::Duration;

use enkash_auth_core::{Clock, ErrorKind};
use enkash_auth_tower::{OnStoreDown, TokenCache, TokenStore};
use tokio::time::sleep;

use super::{
    flaky::Mood,
    refused::{LOOK, Server, attempting, fleet, over},
};

#[tokio::test(start_paused = true)]
async fn a_refusal_that_the_store_missed_holds_for_the_whole_process() {
    let (fleet, server) = (fleet(), Server::default());
    let endpoint = server.endpoint();
    let (one, two) = (
        over(endpoint.clone(), &fleet, OnStoreDown::Wait),
        over(endpoint, &fleet, OnStoreDown::Wait),
    );
    one.token().await.unwrap();
    two.token().await.unwrap();
    server.change_password();
    sleep(Duration::from_secs(60)).await;
    let renewal = tokio::spawn(one.token());
    sleep(Duration::from_millis(500)).await;
    fleet.store.set(Mood::Refusing);
    let error = renewal.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let error = two.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let requests = |tokens: &TokenCache| tokens.status().token_requests();
    assert_eq!((requests(&one), requests(&two)), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_success_clears_the_record_of_the_process_too() {
    let fleet = fleet();
    for wrong in ["one", "two"] {
        fleet.start(wrong).token().await.unwrap_err();
    }
    // Reset by another process: this one's record still has them.
    fleet
        .store
        .reset(fleet.kit.endpoint("any").account(), fleet.clock.now())
        .await
        .unwrap();
    let tokens = fleet.start("password");
    tokens.token().await.unwrap();
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_store_opens_again_what_it_had_closed() {
    let fleet = fleet();
    fleet.start("one").token().await.unwrap_err();
    fleet.start("two").token().await.unwrap_err();
    let tokens = attempting(&fleet, "password");
    tokens.token().await.unwrap_err();
    fleet.start("any").reset().await.unwrap();
    sleep(LOOK).await;
    tokens.token().await.unwrap();
    fleet.store.set(Mood::Refusing);
    sleep(Duration::from_secs(300)).await;
    tokens.token().await.unwrap();
}
