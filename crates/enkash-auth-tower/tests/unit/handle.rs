use std::{future::ready, thread};

use bytes::Bytes;
use enkash_auth_core::{Credentials, Environment};
use http::{Request, Response};
use http_body_util::Full;

use super::*;
use crate::{BoxError, TokenCache, TokenEndpoint, TokenRequestBody};

fn handle() -> Handle<()> {
    let service = tower::service_fn(|_: Request<TokenRequestBody>| {
        ready(Err::<Response<Full<Bytes>>, _>(BoxError::from("")))
    });
    let keys = Credentials::merchant("handle", "secret");
    let endpoint = TokenEndpoint::with_service(Environment::Test, keys, service).unwrap();
    let tokens = TokenCache::new(endpoint);
    Handle::new(Arc::new(Rules::new((), tokens.shared().common())))
}

#[test]
fn clones_of_a_thread_share_its_slot() {
    let handle = handle();
    let here = handle.clone();
    assert!(Arc::ptr_eq(&handle.slot, &here.slot));
    let there = thread::scope(|scope| {
        let clone = || [(); 3].map(|()| handle.clone().slot);
        scope.spawn(clone).join().unwrap()
    });
    assert!(Arc::ptr_eq(&handle.slot, &there[0]), "the first");
    assert!(!Arc::ptr_eq(&handle.slot, &there[1]), "the second");
    assert!(Arc::ptr_eq(&there[1], &there[2]), "the third");
}

#[test]
fn slots_of_other_threads_end_with_the_handle() {
    let handle = handle();
    let there = thread::scope(|scope| {
        let clone = || [(); 2].map(|()| Arc::downgrade(&handle.clone().slot));
        scope.spawn(clone).join().unwrap()
    });
    assert!(there[1].upgrade().is_some());
    drop(handle);
    assert!(there[1].upgrade().is_none());
}

/// As by a connection, whose task moves from thread to thread.
#[test]
fn handles_of_connections_share_the_slots_of_threads() {
    let handle = handle();
    thread::scope(|scope| {
        let connections = || [(); 3].map(|()| handle.clone());
        let [_, one, other] = scope.spawn(connections).join().unwrap();
        let slots = |connection: Handle<()>| [(); 2].map(|()| connection.clone().slot);
        let calls = move || [one, other].map(slots);
        let [[_, one], [_, other]] = scope.spawn(calls).join().unwrap();
        assert!(Arc::ptr_eq(&one, &other));
    });
}

#[test]
fn threads_beyond_the_slots_share_one_with_another() {
    let handle = handle();
    let clone = || {
        let connection = handle.clone();
        [(); 3].map(|()| Arc::ptr_eq(&connection.clone().slot, &connection.slot))
    };
    let shared = (0..2 * SLOTS).map(|_| thread::scope(|scope| scope.spawn(clone).join().unwrap()));
    // The first clone on another thread has the slot of this one.
    let apart: Vec<_> = shared
        .skip(1)
        .filter(|shared| *shared != [true; 3])
        .collect();
    assert!(apart.is_empty(), "{apart:?}");
}
