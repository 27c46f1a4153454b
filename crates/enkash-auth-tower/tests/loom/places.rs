//! Fails if a place that is released between a waiter's check and its registration is offered to none, and if a waiter
//! that is dropped keeps the offer.

use std::future::Future;

use loom::future::block_on;

use super::*;
use crate::sync::{model, spawn};

const LONG: Duration = Duration::from_secs(3_600);

#[test]
fn released_place_is_taken_by_a_waiter() {
    model(3, || {
        let places = Arc::new(Places::new(1, LONG));
        let takers = [false, true].map(|is_failing| {
            let places = Arc::clone(&places);
            spawn(move || drop(block_on(places.take(is_failing))))
        });
        drop(block_on(places.take(false)));
        for taker in takers {
            taker.join().unwrap();
        }
    });
}

#[test]
fn offer_to_a_dropped_waiter_is_passed_on() {
    model(3, || {
        let places = Arc::new(Places::new(1, LONG));
        let held = block_on(places.take(false));
        let mut dropped = Box::pin(places.take(false));
        let waker = Waker::noop();
        let mut cx = Context::from_waker(waker);
        assert!(dropped.as_mut().poll(&mut cx).is_pending());
        let takes = Arc::clone(&places);
        let taker = spawn(move || drop(block_on(takes.take(false))));
        drop(held);
        drop(dropped);
        taker.join().unwrap();
    });
}
