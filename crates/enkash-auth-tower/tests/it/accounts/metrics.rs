//! Labels of many accounts.

use std::collections::HashSet;

use metrics_util::debugging::DebugValue;

use super::World;
use crate::metrics::recorder;

#[tokio::test(start_paused = true)]
async fn accounts_beyond_a_hundred_share_a_label() {
    let (_guard, snapshotter) = recorder();
    let world = World::default();
    let accounts = world.accounts();
    let mut known = HashSet::new();
    for id in 0..120 {
        let handle = accounts.get(&id).unwrap();
        handle.token().await.unwrap();
        handle.record_gauges();
        if id < 100 {
            known.insert(handle.account().unwrap().to_string());
        }
    }
    let mut others = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let (_, key) = key.into_parts();
        let label = key.labels().find(|label| label.key() == "account");
        let account = label.unwrap().value().to_owned();
        if account == "other" {
            others.push((key.name().to_owned(), value));
        } else {
            assert!(known.contains(&account));
        }
    }
    others.sort_by(|(one, _), (other, _)| one.cmp(other));
    let names: Vec<_> = others.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        [
            "enkash_auth_fetch_duration_seconds",
            "enkash_auth_fetches_total",
            "enkash_auth_token_requests_total",
        ],
        "no gauge: each account would overwrite the others'"
    );
    assert!(matches!(others[1].1, DebugValue::Counter(20)));
}
