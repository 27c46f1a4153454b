use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Lists items of which there are none in most accounts: then it takes one word, and no heap.
///
/// It dereferences to a slice.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[expect(clippy::box_collection, reason = "a vector takes three words")]
pub struct Few<T>(Option<Box<Vec<T>>>);

impl<T> Few<T> {
    pub fn push(&mut self, item: T) {
        self.0.get_or_insert_default().push(item);
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        if let Some(items) = &mut self.0 {
            items.retain(|item| keep(item));
            items.shrink_to_fit();
        }
        self.0.take_if(|items| items.is_empty());
    }

    /// Removes the first items until `length` are left, but none that `is_kept`.
    pub fn keep_last(&mut self, length: usize, is_kept: impl Fn(&T) -> bool) {
        let mut excess = self.len().saturating_sub(length);
        self.retain(|item| {
            let is_removed = excess > 0 && !is_kept(item);
            excess -= usize::from(is_removed);
            !is_removed
        });
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }
}

impl<T> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        self.0.as_deref_mut().map_or(&mut [], Vec::as_mut_slice)
    }
}

impl<T: Serialize> Serialize for Few<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let items = Vec::deserialize(deserializer)?;
        Ok(Self((!items.is_empty()).then(|| Box::new(items))))
    }
}
