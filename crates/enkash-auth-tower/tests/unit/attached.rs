use super::*;

#[test]
fn dropped_cache_is_not_found_and_leaves_no_entry() {
    let registered = Registered::new(Weak::new());
    let id = registered.0;
    assert!(CACHES.lock().contains_key(&id));
    assert!(id.cache().is_none());
    drop(registered);
    assert!(!CACHES.lock().contains_key(&id));
    assert_ne!(Registered::new(Weak::new()).0, id);
}
