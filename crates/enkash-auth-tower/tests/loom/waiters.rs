//! Fails if a waiter checks and registers under two locks, if a dropped waiter removes the waker of
//! another, and if a second completion counts.

use std::future::poll_fn;

use loom::future::block_on;

use super::*;
use crate::{
    ErrorKind,
    sync::{model, spawn},
};

fn register(waiters: &Arc<Waiters>) -> Waiter {
    Arc::clone(waiters).register()
}

/// Waits, and returns whether the completion is `LookUp`.
fn wait(mut waiter: Waiter) -> bool {
    let completed = block_on(poll_fn(|cx| waiter.poll(cx)));
    matches!(completed, Completion::LookUp)
}

#[test]
fn waiter_registered_during_completion_is_woken() {
    model(3, || {
        let waiters = Waiters::new();
        let waiting = [register(&waiters), register(&waiters)].map(|waiter| spawn(|| wait(waiter)));
        waiters.complete(Completion::LookUp);
        assert!(waiting.map(|waiter| waiter.join().unwrap()) == [true; 2]);
        assert!(wait(register(&waiters)));
    });
}

#[test]
fn first_of_two_completions_counts_for_all_waiters() {
    model(3, || {
        let waiters = Waiters::new();
        let early = register(&waiters);
        let waiter = spawn(|| wait(early));
        let other = Arc::clone(&waiters);
        let rival = spawn(move || other.complete(Completion::LookUp));
        waiters.complete(Completion::Failed(Error::new(ErrorKind::Unavailable, "")));
        let first = wait(register(&waiters));
        rival.join().unwrap();
        assert_eq!(waiter.join().unwrap(), first);
        assert_eq!(wait(register(&waiters)), first);
    });
}

#[test]
fn dropped_waiter_leaves_other_wakers_in_place() {
    model(3, || {
        let waiters = Waiters::new();
        let kept = register(&waiters);
        let kept = spawn(|| wait(kept));
        let mut dropped = register(&waiters);
        let dropped = spawn(move || {
            let _ = dropped.poll(&mut Context::from_waker(Waker::noop()));
            drop(dropped);
        });
        waiters.complete(Completion::LookUp);
        dropped.join().unwrap();
        assert!(kept.join().unwrap());
    });
}

#[test]
fn repolled_waiter_is_woken_by_its_latest_waker() {
    model(3, || {
        let waiters = Waiters::new();
        let mut moved = register(&waiters);
        let waiter = spawn(move || {
            let _ = moved.poll(&mut Context::from_waker(Waker::noop()));
            wait(moved)
        });
        waiters.complete(Completion::LookUp);
        assert!(waiter.join().unwrap());
    });
}
