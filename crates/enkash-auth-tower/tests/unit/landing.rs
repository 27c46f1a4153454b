use tokio_test::{assert_pending, assert_ready, task};

use super::*;

fn seat(landing: &Arc<Landing>) -> Seat {
    Arc::clone(landing).seat()
}

#[test]
fn who_waits_is_woken_and_who_comes_later_is_answered() {
    let landing = Landing::new();
    let mut early = task::spawn(seat(&landing));
    assert_pending!(early.enter(|cx, mut seat| seat.poll(cx)));
    landing.land(Landed::Ask);
    assert!(early.is_woken());
    assert_ready!(early.enter(|cx, mut seat| seat.poll(cx)));
    let mut late = task::spawn(seat(&landing));
    assert_ready!(late.enter(|cx, mut seat| seat.poll(cx)));
}

#[test]
fn the_first_landing_counts() {
    let landing = Landing::new();
    landing.land(Landed::Ask);
    landing.land(Landed::Failed(Error::new(
        enkash_auth_core::ErrorKind::Unavailable,
        "",
    )));
    let mut late = task::spawn(seat(&landing));
    assert!(matches!(
        assert_ready!(late.enter(|cx, mut seat| seat.poll(cx))),
        Landed::Ask
    ));
}

#[test]
fn who_leaves_takes_the_waker_along() {
    let landing = Landing::new();
    let mut waiter = task::spawn(seat(&landing));
    for _ in 0..3 {
        assert_pending!(waiter.enter(|cx, mut seat| seat.poll(cx)));
    }
    assert!(matches!(&*landing.0.lock(), State::Flying(waiters) if waiters.len() == 1));
    drop(waiter);
    assert!(matches!(&*landing.0.lock(), State::Flying(waiters) if waiters.is_empty()));
}
