use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Weak,
};

use super::*;

fn filled(length: u32) -> Shards<u32, u32> {
    let shards = Shards::new(100);
    for key in 0..length {
        shards.get_or_insert(&key, usize::MAX, |key| Arc::new(*key));
    }
    shards
}

#[test]
fn inserted_values_are_found_and_counted() {
    let shards = filled(1_000);
    assert_eq!(shards.len(), 1_000);
    for key in 0..1_000 {
        assert_eq!(shards.read(&key, |value| **value), Some(key));
    }
    assert_eq!(shards.read(&1_000, |value| **value), None);
}

#[test]
fn value_of_a_known_key_is_not_made_again() {
    let shards = filled(1);
    let found = shards.get_or_insert(&0, 1, |_| Arc::new(7));
    assert_eq!((found.as_deref(), shards.len()), (Some(&0), 1));
}

#[test]
fn full_map_makes_no_value() {
    let shards = filled(1);
    assert_eq!(shards.get_or_insert(&1, 1, |_| panic!("made")), None);
    assert_eq!(shards.len(), 1);
}

#[test]
fn value_is_removed_only_if_it_may_be() {
    let shards = filled(2);
    assert_eq!(shards.remove(&0, |_| false), None);
    assert_eq!(shards.remove(&0, |_| true).as_deref(), Some(&0));
    assert_eq!(shards.remove(&0, |_| true), None);
    assert_eq!(shards.len(), 1);
    assert_eq!(shards.read(&1, |value| **value), Some(1));
}

#[test]
fn scan_reaches_every_entry_from_any_start() {
    for _ in 0..20 {
        let (shards, mut sum) = (filled(500), 0);
        shards.scan(|shard| {
            sum += shard.iter().map(|entry| **entry.value()).sum::<u32>();
            true
        });
        assert_eq!(sum, 499 * 500 / 2);
    }
}

/// Uses the map while it is cloned and dropped.
#[derive(Debug)]
struct Curious(u32, Weak<Shards<Self, u32>>);

impl Curious {
    fn look(&self) {
        if let Some(shards) = self.1.upgrade() {
            shards.remove(&Self(u32::MAX, Weak::new()), |_| true);
        }
    }
}

impl Clone for Curious {
    fn clone(&self) -> Self {
        self.look();
        Self(self.0, Weak::clone(&self.1))
    }
}

impl Drop for Curious {
    fn drop(&mut self) {
        self.look();
    }
}

impl Hash for Curious {
    fn hash<H: Hasher>(&self, state: &mut H) {
        assert_ne!(self.0, 13, "planned");
        self.0.hash(state);
    }
}

impl PartialEq for Curious {
    fn eq(&self, other: &Self) -> bool {
        assert_ne!((self.0, other.0), (7, 7), "planned");
        self.0 == other.0
    }
}

impl Eq for Curious {}

#[test]
fn keys_are_cloned_and_dropped_without_the_lock() {
    let shards = Arc::new(Shards::new(1));
    let key = |number| Curious(number, Arc::downgrade(&shards));
    for number in 0..3 {
        assert!(
            shards
                .get_or_insert(&key(number), 2, |key| Arc::new(key.clone().0))
                .is_some()
                == (number < 2)
        );
    }
    assert!(shards.remove(&key(0), |_| true).is_some());
    assert_eq!(shards.len(), 1);
}

#[test]
fn panicking_key_leaves_the_map_as_it_was() {
    let shards = Arc::new(Shards::new(1));
    let key = |number| Curious(number, Weak::new());
    for number in [1, 7] {
        shards.get_or_insert(&key(number), 9, |_| Arc::new(number));
    }
    for panicking in [7, 13] {
        let insert = || shards.get_or_insert(&key(panicking), 9, |_| Arc::new(0));
        assert!(catch_unwind(AssertUnwindSafe(insert)).is_err());
        let remove = || shards.remove(&key(panicking), |_| true);
        assert!(catch_unwind(AssertUnwindSafe(remove)).is_err());
    }
    assert_eq!(
        (shards.len(), shards.read(&key(1), |value| **value)),
        (2, Some(1))
    );
    assert!(shards.get_or_insert(&key(2), 9, |_| Arc::new(2)).is_some());
}
