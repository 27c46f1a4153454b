use std::pin::pin;

use tokio::time::sleep;
use tokio_test::{assert_pending, task::spawn};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn newest_call_gets_the_next_slot() {
    let queue = Queue::<()>::new(1, SECOND);
    let slot = queue.enter().await.unwrap();
    let [mut old, mut new] = [(); 2].map(|()| spawn(queue.enter()));
    assert_pending!(old.poll());
    assert_pending!(new.poll());
    drop(slot);
    assert_pending!(old.poll());
    let slot = new.await.unwrap();
    assert!(!old.is_woken());
    drop(slot);
    old.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn slot_of_a_dropped_call_goes_to_the_next() {
    let queue = Queue::<()>::new(1, SECOND);
    let slot = queue.enter().await.unwrap();
    let [mut first, mut waits, mut has_one] = [(); 3].map(|()| spawn(queue.enter()));
    for call in [&mut first, &mut waits, &mut has_one] {
        assert_pending!(call.poll());
    }
    drop(waits);
    assert_eq!(queue.calls().state.lock().waiting.len(), 2);
    drop(slot);
    assert!(has_one.is_woken());
    drop(has_one);
    drop(first.await.unwrap());
    queue.enter().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn call_waits_while_others_have_responses() {
    let queue = Queue::<()>::new(1, SECOND);
    let slot = queue.enter().await.unwrap();
    let mut waiting = pin!(queue.enter());
    for _ in 0..9 {
        assert!(timeout(SECOND, waiting.as_mut()).await.is_err());
        slot.responded();
    }
    let waits = timeout(9 * SECOND, waiting).await;
    waits.unwrap().unwrap_err();
    sleep(SECOND).await;
    drop(slot);
    queue.enter().await.unwrap();
}
