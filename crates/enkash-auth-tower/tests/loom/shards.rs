//! Fails if the length is checked before the lock is held, or a shard is copied before.

use super::*;
use crate::sync::{model, spawn};

fn insert(shards: &Shards<u32, u32>, key: u32, max: usize) -> bool {
    let value = shards.get_or_insert(&key, max, |key| Arc::new(*key));
    value.is_some()
}

#[test]
fn concurrent_inserts_keep_to_the_maximum() {
    model(3, || {
        let shards = Arc::new(Shards::new(1));
        let others = [1, 2].map(|key| {
            let shards = Arc::clone(&shards);
            spawn(move || insert(&shards, key, 2))
        });
        let inserted = [insert(&shards, 3, 2)].into_iter();
        let inserted = inserted.chain(others.map(|other| other.join().unwrap()));
        assert_eq!((inserted.filter(|it| *it).count(), shards.len()), (2, 2));
    });
}

#[test]
fn concurrent_changes_lose_no_entry() {
    model(3, || {
        let shards = Arc::new(Shards::new(1));
        insert(&shards, 1, 9);
        let removes = Arc::clone(&shards);
        let removes = spawn(move || removes.remove(&1, |_| true).is_some());
        let reads = Arc::clone(&shards);
        let reads = spawn(move || reads.read(&2, |value| **value));
        assert!(insert(&shards, 2, 9));
        assert!(removes.join().unwrap());
        assert!(matches!(reads.join().unwrap(), None | Some(2)));
        assert_eq!(shards.len(), 1);
        assert_eq!(shards.read(&2, |value| Arc::strong_count(value)), Some(1));
        assert_eq!(shards.read(&1, |value| **value), None);
    });
}
