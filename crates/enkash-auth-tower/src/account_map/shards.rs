use std::{
    borrow::Borrow,
    collections::HashSet,
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use crate::sync::{Arc, AtomicUsize, Mutex, Ordering, Slot};

/// Sets how many entries a shard holds, about: to insert one copies them all.
const SHARD: usize = 32;

/// Maps keys to values. A reader takes no lock, and writes to nothing that another reads.
#[derive(Debug)]
pub struct Shards<K, V> {
    shards: Box<[Slot<Shard<K, V>>]>,
    hasher: RandomState,
    /// Held by the one that writes.
    writing: Mutex<()>,
    length: AtomicUsize,
    /// Where the next scan begins.
    next: AtomicUsize,
}

type Shard<K, V> = HashSet<Entry<K, V>>;

/// A key and its value. The copies of a shard share it, so that the value is counted once.
#[derive(Debug)]
pub struct Entry<K, V>(Arc<(K, Arc<V>)>);

impl<K: Eq + Hash, V> Shards<K, V> {
    /// Creates an empty map for some `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        let shards = capacity
            .div_ceil(SHARD)
            .clamp(1, 1 << 16)
            .next_power_of_two();
        Self {
            shards: (0..shards).map(|_| Slot::empty()).collect(),
            hasher: RandomState::new(),
            writing: Mutex::new(()),
            length: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
        }
    }

    /// Returns how many entries there are.
    pub fn len(&self) -> usize {
        self.length.load(Ordering::Relaxed)
    }

    /// Returns what `read` makes of the value of `key`.
    #[inline]
    pub fn read<T>(&self, key: &K, read: impl FnOnce(&Arc<V>) -> T) -> Option<T> {
        let shard = self.shard(key)?.load();
        shard.as_ref()?.get(key).map(|entry| read(entry.value()))
    }

    /// Returns the value of `key`, or inserts the one that `make` makes; `None` if there are `max` entries.
    pub fn get_or_insert(
        &self,
        key: &K,
        max: usize,
        make: impl FnOnce(&K) -> Arc<V>,
    ) -> Option<Arc<V>>
    where
        K: Clone,
    {
        // Before the lock, which is not held while a value is made, and again under it.
        let decided = || match self.read(key, Arc::clone) {
            None if self.len() < max => None,
            known => Some(known),
        };
        if let Some(decided) = decided() {
            return decided;
        }
        let value = make(key);
        let entry = Entry(Arc::new((key.clone(), Arc::clone(&value))));
        // Dropped after the lock.
        let _old;
        let _writing = self.writing.lock();
        if let Some(decided) = decided() {
            return decided;
        }
        _old = self.change(entry.key(), |shard| {
            shard.insert(entry.clone());
        });
        self.length.fetch_add(1, Ordering::Relaxed);
        Some(value)
    }

    /// Removes the value of `key` if `may_remove` it.
    pub fn remove(&self, key: &K, may_remove: impl FnOnce(&Arc<V>) -> bool) -> Option<Arc<V>> {
        // Dropped after the lock.
        let _old;
        let _writing = self.writing.lock();
        let value = self.read(key, |value| may_remove(value).then(|| Arc::clone(value)))??;
        _old = self.change(key, |shard| {
            shard.remove(key);
        });
        self.length.fetch_sub(1, Ordering::Relaxed);
        Some(value)
    }

    /// Calls `each` with the entries of every shard, beginning each time at the next one, until it returns `false`
    /// for a shard.
    pub fn scan(&self, mut each: impl FnMut(&Shard<K, V>) -> bool) {
        let start = self.next.fetch_add(1, Ordering::Relaxed) & (self.shards.len() - 1);
        let (before, after) = self.shards.split_at(start);
        for shard in after.iter().chain(before) {
            if shard.load().as_deref().is_some_and(|shard| !each(shard)) {
                return;
            }
        }
    }

    fn shard(&self, key: &K) -> Option<&Slot<Shard<K, V>>> {
        let hash = usize::try_from(self.hasher.hash_one(key) >> 32).unwrap_or_default();
        self.shards.get(hash & (self.shards.len() - 1))
    }

    /// Replaces the shard of `key`, and returns the old one. Only the holder of the lock does.
    fn change(&self, key: &K, change: impl FnOnce(&mut Shard<K, V>)) -> Option<Arc<Shard<K, V>>> {
        let slot = self.shard(key)?;
        let mut shard = slot.load().as_deref().cloned().unwrap_or_default();
        change(&mut shard);
        slot.swap((!shard.is_empty()).then(|| Arc::new(shard)))
    }
}

impl<K, V> Entry<K, V> {
    pub fn key(&self) -> &K {
        &self.0.0
    }

    pub fn value(&self) -> &Arc<V> {
        &self.0.1
    }
}

impl<K, V> Clone for Entry<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Borrow<K> for Entry<K, V> {
    fn borrow(&self) -> &K {
        self.key()
    }
}

impl<K: Hash, V> Hash for Entry<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl<K: PartialEq, V> PartialEq for Entry<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<K: Eq, V> Eq for Entry<K, V> {}

#[cfg(test)]
#[cfg(enkash_loom)]
#[path = "../../tests/loom/shards.rs"]
mod model;

#[cfg(test)]
#[path = "../../tests/unit/shards.rs"]
mod tests;
