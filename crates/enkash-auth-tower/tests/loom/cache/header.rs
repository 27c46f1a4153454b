//! Fails if the copy of a handle or of a slot is attached without checking the mark.

use super::*;
use crate::sync::{model, spawn};

#[test]
fn handle_never_returns_to_older_token() {
    model(3, || {
        let shared = warm();
        let mut handle = HeaderCopy::default();
        for _ in 0..2 {
            assert_eq!(attach(&mut handle, &shared), Some(1));
        }
        let reader = Arc::clone(&shared);
        let reader = spawn(move || {
            let seen = [(); 3].map(|()| attach(&mut handle, &reader));
            assert!(seen.iter().flatten().is_sorted(), "{seen:?}");
            handle
        });
        let now = shared.clock().now();
        shared.inner.lock().state_mut().reject(1, now);
        let pending = begin_fetch(&shared);
        assert!(complete_fetch(&shared, pending, "second"));
        let mut handle = reader.join().unwrap();
        assert_ne!(attach(&mut handle, &shared), Some(1));
        assert_eq!(served(&shared), Some(2));
    });
}

#[test]
fn slot_never_returns_to_older_token() {
    model(3, || {
        let shared = warm();
        let slot = Arc::new(HeaderSlot::new(true, shared.clock()));
        let take = |slot: &HeaderSlot, shared: &Shared| {
            let (header, attached) = slot.header(shared)?;
            let text = header.to_str().unwrap();
            let expected = ["Bearer first", "Bearer second"];
            assert_eq!(
                Some(&text),
                expected.get(attached.generation() as usize - 1)
            );
            Some(attached.generation())
        };
        // The second use makes the copy.
        for _ in 0..2 {
            assert_eq!(take(&slot, &shared), Some(1));
        }
        let (there, reader) = (Arc::clone(&slot), Arc::clone(&shared));
        let reader = spawn(move || {
            let seen = [(); 2].map(|()| take(&there, &reader));
            assert!(seen.iter().flatten().is_sorted(), "{seen:?}");
        });
        let now = shared.clock().now();
        shared.inner.lock().state_mut().reject(1, now);
        let pending = begin_fetch(&shared);
        assert!(complete_fetch(&shared, pending, "second"));
        assert_ne!(take(&slot, &shared), Some(1));
        reader.join().unwrap();
    });
}
