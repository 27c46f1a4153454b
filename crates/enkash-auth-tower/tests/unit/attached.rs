use super::*;

#[test]
fn a_cache_that_is_gone_is_not_found_and_leaves_nothing_behind() {
    let registered = Registered::new(Weak::new());
    let id = registered.0;
    assert!(CACHES.lock().contains_key(&id));
    assert!(id.cache().is_none());
    drop(registered);
    assert!(!CACHES.lock().contains_key(&id));
    assert_ne!(Registered::new(Weak::new()).0, id);
}
