//! Fails if a cache releases its account after it has returned to it, or keeps one that it has left.

use super::*;
use crate::sync::{model, spawn};

#[test]
fn account_is_that_of_the_cache_that_uses_it() {
    model(3, || {
        let shared = cache();
        shared.change_credentials(credentials("a"), None).unwrap();
        let changes = Arc::clone(&shared);
        let there = spawn(move || changes.change_credentials(credentials("b"), None).unwrap());
        shared.change_credentials(credentials("a"), None).unwrap();
        there.join().unwrap();
        let other = Shared::new(Arc::clone(&shared.common), None, None);
        for key in ["a", "b"] {
            let credentials = credentials(key);
            let account = credentials.account(shared.common.server().base_url());
            let is_used = shared.account() == Some(account);
            let claimed = other.common.claim(account, &other);
            assert_eq!(claimed.is_err(), is_used);
        }
    });
}

#[test]
fn dropped_cache_gives_its_account_to_the_next() {
    model(3, || {
        let shared = cache();
        shared.change_credentials(credentials("a"), None).unwrap();
        let account = shared.account().unwrap();
        let common = Arc::clone(&shared.common);
        let [second, third] = [(); 2].map(|()| Shared::new(Arc::clone(&common), None, None));
        let dropped = spawn(move || drop(shared));
        let claimed = common.claim(account, &second);
        dropped.join().unwrap();
        assert_eq!(common.claim(account, &third).is_err(), claimed.is_ok());
    });
}
