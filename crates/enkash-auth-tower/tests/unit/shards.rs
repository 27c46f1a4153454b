use super::*;

fn filled(length: u32) -> Shards<u32, u32> {
    let shards = Shards::new(100);
    for key in 0..length {
        shards.get_or_insert(&key, |key| Arc::new(**key));
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
    let found = shards.get_or_insert(&0, |_| Arc::new(7));
    assert_eq!((*found, shards.len()), (0, 1));
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
            sum += shard.values().map(|value| **value).sum::<u32>();
            true
        });
        assert_eq!(sum, 499 * 500 / 2);
    }
}
