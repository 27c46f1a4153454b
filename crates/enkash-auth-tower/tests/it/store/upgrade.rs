//! A later release, which adds fields under the same format number, beside this one.

use std::{sync::Mutex, time::Duration};

use enkash_auth_core::{AccountKey, account::AccountRecord};
use enkash_auth_tower::{Loaded, Store, StoreFuture, TokenCache};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{Fleet, Server, flaky::Flaky, random, strikes};
use crate::support::{Kit, rules};

/// The lists of a record whose items have an id.
const LISTS: [&str; 4] = ["attempts", "cleared", "rejected", "tokens"];

/// Returns the value of each field that the later release adds.
fn added() -> Value {
    json!({ "since": "0.3", "list": [1, null, true] })
}

/// A store as a release uses it: the later one adds a field to the record and to each item. Records the
/// writes that lose one.
#[derive(Debug)]
struct Release {
    store: Flaky,
    is_later: bool,
    lost: Mutex<Vec<String>>,
}

impl Release {
    fn new(store: &Flaky, is_later: bool) -> Self {
        Self {
            store: store.clone(),
            is_later,
            lost: Mutex::default(),
        }
    }
}

fn parse(bytes: &[u8]) -> Map<String, Value> {
    let text = std::str::from_utf8(bytes).unwrap();
    serde_json::from_str(text.lines().nth(1).unwrap()).unwrap()
}

/// Adds a field to the record, and to each item.
fn extend(account: AccountKey, bytes: &[u8]) -> Vec<u8> {
    let mut record = parse(bytes);
    record.remove("write");
    record.remove("account");
    record.insert("added".to_owned(), added());
    let mut add = |item: &mut Value| {
        let item = item.as_object_mut().unwrap();
        item.insert("added".to_owned(), added());
    };
    for list in LISTS {
        let list = record.get_mut(list).and_then(Value::as_array_mut);
        list.into_iter().flatten().for_each(&mut add);
    }
    if let Some(success) = record.get_mut("success").filter(|is| is.is_object()) {
        add(success);
    }
    let record: AccountRecord = serde_json::from_value(Value::Object(record)).unwrap();
    record.to_bytes(account, random()).unwrap()
}

/// Returns an item of both records whose added field is lost in `new`.
fn lost(old: &[u8], new: &[u8]) -> Option<String> {
    let (old, new) = (parse(old), parse(new));
    let id = |item: &Value| item.get("id").cloned().unwrap();
    let mut pairs = vec![(Value::Object(old.clone()), Value::Object(new.clone()))];
    for list in LISTS {
        let items = |of: &Map<String, Value>| of[list].as_array().unwrap().clone();
        for item in items(&old) {
            let same = items(&new).into_iter().find(|new| id(new) == id(&item));
            pairs.extend(same.map(|same| (item, same)));
        }
    }
    let success = |of: &Map<String, Value>| of.get("success").cloned().unwrap_or_default();
    let (was, is) = (success(&old), success(&new));
    if was.is_object() && is.is_object() && id(&was) == id(&is) {
        pairs.push((was, is));
    }
    let has_lost = |(old, new): &(Value, Value)| {
        old.get("added") == Some(&added()) && new.get("added") != Some(&added())
    };
    let pair = pairs.into_iter().find(has_lost)?;
    Some(format!("{pair:?}"))
}

impl Store for Release {
    fn load<'a>(&'a self, account: &'a AccountKey) -> StoreFuture<'a, Loaded> {
        self.store.load(account)
    }

    fn compare_and_set<'a>(
        &'a self,
        account: &'a AccountKey,
        current: Option<&'a [u8]>,
        record: &'a [u8],
    ) -> StoreFuture<'a, bool> {
        Box::pin(async move {
            if let Some(lost) = current.and_then(|current| lost(current, record)) {
                self.lost.lock().unwrap().push(lost);
            }
            let record = match self.is_later {
                true => extend(*account, record),
                false => record.to_vec(),
            };
            let set = self.store.compare_and_set(account, current, &record);
            set.await
        })
    }
}

/// Upgrades to the later release and back, one process at a time, while all are in use.
#[tokio::test(start_paused = true)]
async fn rolling_upgrade_and_downgrade_lose_no_strike_or_field() {
    let (store, server) = (Flaky::default(), Server::new());
    let account = server.endpoint().account();
    let releases = [false, true].map(|is_later| {
        let kit = Kit::new(rules(300, 10));
        Fleet::new(kit, Release::new(&store, is_later))
    });
    let start = |is_later: usize| releases[is_later].builder(server.endpoint()).build();
    // A process of either release with credentials of its own.
    let wrong = |is_later: usize, company: &str| {
        let tokens = start(is_later);
        let other = server.credentials().company_id(company);
        (tokens.set_credentials(other).unwrap(), tokens).1
    };
    let mut fleet: Vec<TokenCache> = (0..4).map(|_| start(0)).collect();
    let mut served = 0;
    for step in 0..40 {
        // Processes 0 to 3 are upgraded, and then downgraded again.
        if (4..36).contains(&step) && step % 4 == 0 {
            let nth = (step / 4 - 1) % 4;
            fleet[nth] = start(usize::from(step < 20));
        }
        for _ in 0..10 {
            for tokens in &fleet {
                tokens.token().await.unwrap();
                served += 1;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }
    assert_eq!(served, 40 * 10 * 4);
    assert!(server.requests() <= 10, "{}", server.requests());
    server.change_password();
    for is_later in [1, 0] {
        let tokens = wrong(is_later, &format!("{is_later}"));
        tokens.token().await.unwrap_err();
    }
    for is_later in [0, 1, 0] {
        let tokens = wrong(is_later, "third");
        tokens.token().await.unwrap_err();
        assert_eq!(strikes(&tokens), (2, 0));
        for fleet in &releases {
            assert_eq!(*fleet.store.lost.lock().unwrap(), [""; 0]);
        }
    }
    assert_eq!(server.rejections(), 2);
    let record = parse(&store.bytes(account).unwrap());
    assert_eq!(record["added"], added());
}
