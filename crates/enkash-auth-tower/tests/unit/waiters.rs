use tokio_test::{assert_pending, assert_ready, task};

use super::*;

fn register(waiters: &Arc<Waiters>) -> Waiter {
    Arc::clone(waiters).register()
}

#[test]
fn waiter_is_woken_and_a_later_one_is_ready() {
    let waiters = Waiters::new();
    let mut early = task::spawn(register(&waiters));
    assert_pending!(early.enter(|cx, mut waiter| waiter.poll(cx)));
    waiters.complete(Completion::LookUp);
    assert!(early.is_woken());
    assert_ready!(early.enter(|cx, mut waiter| waiter.poll(cx)));
    let mut late = task::spawn(register(&waiters));
    assert_ready!(late.enter(|cx, mut waiter| waiter.poll(cx)));
}

#[test]
fn first_completion_counts() {
    let waiters = Waiters::new();
    waiters.complete(Completion::LookUp);
    waiters.complete(Completion::Failed(Error::new(
        crate::ErrorKind::Unavailable,
        "",
    )));
    let mut late = task::spawn(register(&waiters));
    assert!(matches!(
        assert_ready!(late.enter(|cx, mut waiter| waiter.poll(cx))),
        Completion::LookUp
    ));
}

#[test]
fn dropped_waiter_removes_its_waker() {
    let waiters = Waiters::new();
    let mut waiter = task::spawn(register(&waiters));
    for _ in 0..3 {
        assert_pending!(waiter.enter(|cx, mut waiter| waiter.poll(cx)));
    }
    assert!(matches!(&*waiters.0.lock(), State::Pending(waiters) if waiters.len() == 1));
    drop(waiter);
    assert!(matches!(&*waiters.0.lock(), State::Pending(waiters) if waiters.is_empty()));
}
