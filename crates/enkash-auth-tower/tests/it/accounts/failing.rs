//! What an account that fails costs the others.

use std::time::Duration;

use enkash_auth_tower::ErrorKind;
use futures_util::future::{join, join_all};
use tokio::time::{Instant, sleep};

use super::World;

#[tokio::test(start_paused = true)]
async fn wrong_password_costs_one_attempt_ever() {
    let world = World::default();
    world.with(|state| {
        state.passwords.insert(1, "another");
    });
    let accounts = world.accounts();
    for _ in 0..6_000 {
        let error = accounts.get(&1).unwrap().token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        sleep(Duration::from_millis(100)).await;
    }
    // Nor does it help to forget the account.
    accounts.forget(&1);
    for _ in 0..100 {
        accounts.get(&1).unwrap().token().await.unwrap_err();
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(world.requests_of(1), 1);
    let troubled = accounts.troubled(10);
    assert_eq!(troubled.len(), 1);
    assert_eq!((troubled[0].0, troubled[0].2.strikes()), (1, 1));
}

/// Of 500 accounts, five have a wrong password and are called ten times a second.
#[tokio::test(start_paused = true)]
async fn wrong_passwords_delay_no_other_account() {
    let p99 = async |wrong: u32| {
        let world = World::default();
        world.with(|state| {
            state.lifetime = 30;
            state.passwords.extend((0..wrong).map(|id| (id, "another")));
        });
        let accounts = world.accounts();
        let call = async |id, pause| {
            let mut waits = Vec::new();
            let end = Instant::now() + Duration::from_secs(60);
            sleep(Duration::from_millis(u64::from(id))).await;
            while Instant::now() < end {
                let before = Instant::now();
                let result = accounts.get(&id).unwrap().token().await;
                assert_eq!(result.is_ok(), id >= wrong);
                waits.push(before.elapsed());
                sleep(Duration::from_millis(pause)).await;
            }
            waits
        };
        let (_, waits) = join(
            join_all((0..wrong).map(|id| call(id, 100))),
            join_all((wrong..500).map(|id| call(id, 2_000))),
        )
        .await;
        for id in 0..wrong {
            assert_eq!(world.requests_of(id), 1);
        }
        let mut waits: Vec<_> = waits.into_iter().flatten().collect();
        waits.sort();
        waits[waits.len() * 99 / 100]
    };
    let (without, with) = (p99(0).await, p99(5).await);
    assert!(!without.is_zero());
    assert!(with <= without * 6 / 5, "{without:?}, {with:?}");
}

/// Fifteen accounts fail all the time, slowly; with sixteen places one that works would wait behind them.
#[tokio::test(start_paused = true)]
async fn failing_accounts_leave_places_to_the_others() {
    let world = World::default();
    let accounts = world.builder().max_token_requests(4).build();
    world.with(|state| state.is_server_down = true);
    let failing: Vec<_> = (0..100).map(|id| accounts.get(&id).unwrap()).collect();
    join_all(failing.iter().map(|handle| handle.token())).await;
    sleep(Duration::from_secs(40)).await;
    let again = join_all(failing.iter().map(|handle| handle.token()));
    let again = tokio::spawn(again);
    tokio::task::yield_now().await;
    let before = Instant::now();
    let _ = accounts.get(&1_000).unwrap().token().await;
    // Three attempts of its own, with their pauses.
    assert!(before.elapsed() < Duration::from_secs(1));
    assert_eq!(world.requests_of(1_000), 3);
    again.await.unwrap();
}
