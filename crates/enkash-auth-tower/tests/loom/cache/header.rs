//! Fails if a handle's copy is attached without checking the mark.

use super::*;
use crate::sync::{model, spawn};

#[test]
fn handle_never_returns_to_older_token() {
    model(3, || {
        let shared = warm();
        let mut handle = HeaderCopy::new(true);
        for _ in 0..2 {
            assert_eq!(attach(&mut handle, &shared), Some(1));
        }
        let reader = Arc::clone(&shared);
        let reader = spawn(move || {
            let seen = [(); 3].map(|()| attach(&mut handle, &reader));
            assert!(seen.iter().flatten().is_sorted(), "{seen:?}");
            handle
        });
        shared.inner.lock().state.reject(1, shared.clock().now());
        let pending = begin_fetch(&shared);
        assert!(complete_fetch(&shared, pending, "second"));
        let mut handle = reader.join().unwrap();
        assert_ne!(attach(&mut handle, &shared), Some(1));
        assert_eq!(served(&shared), Some(2));
    });
}
