//! Red when a seat looks and sits down under two locks, when who leaves takes a neighbour's waker
//! along, and when a second landing counts.

use std::future::poll_fn;

use enkash_auth_core::ErrorKind;
use loom::future::block_on;

use super::*;
use crate::sync::{model, spawn};

fn seat(landing: &Arc<Landing>) -> Seat {
    Arc::clone(landing).seat()
}

/// Whether it is told to ask again.
fn wait(mut seat: Seat) -> bool {
    let landed = block_on(poll_fn(|cx| seat.poll(cx)));
    matches!(landed, Landed::Ask)
}

#[test]
fn whoever_waits_while_it_lands_is_told() {
    model(3, || {
        let landing = Landing::new();
        let waiters = [seat(&landing), seat(&landing)].map(|seat| spawn(|| wait(seat)));
        landing.land(Landed::Ask);
        assert!(waiters.map(|waiter| waiter.join().unwrap()) == [true; 2]);
        assert!(wait(seat(&landing)));
    });
}

#[test]
fn of_two_landings_one_counts_for_everybody() {
    model(3, || {
        let landing = Landing::new();
        let early = seat(&landing);
        let waiter = spawn(|| wait(early));
        let other = Arc::clone(&landing);
        let rival = spawn(move || other.land(Landed::Ask));
        landing.land(Landed::Failed(Error::new(ErrorKind::Unavailable, "")));
        let told = wait(seat(&landing));
        rival.join().unwrap();
        assert_eq!(waiter.join().unwrap(), told);
        assert_eq!(wait(seat(&landing)), told);
    });
}

#[test]
fn who_leaves_leaves_the_others_their_wakers() {
    model(3, || {
        let landing = Landing::new();
        let stays = seat(&landing);
        let stays = spawn(|| wait(stays));
        let mut leaves = seat(&landing);
        let leaves = spawn(move || {
            let _ = leaves.poll(&mut Context::from_waker(Waker::noop()));
            drop(leaves);
        });
        landing.land(Landed::Ask);
        leaves.join().unwrap();
        assert!(stays.join().unwrap());
    });
}

#[test]
fn who_is_polled_again_with_another_waker_is_woken_by_that() {
    model(3, || {
        let landing = Landing::new();
        let mut moved = seat(&landing);
        let waiter = spawn(move || {
            let _ = moved.poll(&mut Context::from_waker(Waker::noop()));
            wait(moved)
        });
        landing.land(Landed::Ask);
        assert!(waiter.join().unwrap());
    });
}
