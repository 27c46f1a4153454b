use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::AttemptId;
use crate::few::Few;

/// How many ids are stored, the newest.
const MOST: usize = 64;

/// Lists the attempts that no longer count, oldest first.
#[derive(Clone, Debug, Default, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Cleared(Few<Item>);

/// An attempt that ended uncounted, or was cleared by a success or an operator.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
struct Item {
    id: AttemptId,
    /// Only orders the list: nanoseconds since the Unix epoch, later than that of any before it.
    at: u64,
    /// Whether its fingerprint is cleared as well.
    with_fingerprint: bool,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl Cleared {
    pub fn add(&mut self, id: AttemptId, with_fingerprint: bool, at: u64) {
        self.add_item(Item {
            id,
            at,
            with_fingerprint,
            other: Map::new(),
        });
    }

    pub fn merge(&mut self, other: &Self) {
        for item in other.0.iter() {
            self.add_item(item.clone());
        }
    }

    fn add_item(&mut self, item: Item) {
        match self.0.iter_mut().find(|own| own.id == item.id) {
            Some(own) => own.with_fingerprint |= item.with_fingerprint,
            None => self.0.push(item),
        }
    }

    pub fn has(&self, id: AttemptId) -> bool {
        self.0.iter().any(|item| item.id == id)
    }

    pub fn has_fingerprint(&self, id: AttemptId) -> bool {
        let mut items = self.0.iter().filter(|item| item.with_fingerprint);
        items.any(|item| item.id == id)
    }

    pub fn stamps(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|item| item.at)
    }

    /// Sorts and bounds the list.
    pub fn tidy(&mut self) {
        self.0.sort_by_key(|item| (item.at, item.id));
        self.0.keep_last(MOST, |_| false);
    }
}
