use enkash_auth_core::{Credentials, Environment, SystemClock};

use super::*;
use crate::{
    RefreshPolicy,
    attempts::Process,
    store::{MemoryStore, OnStoreDown, Store},
    time::Time,
};

#[tokio::test(start_paused = true)]
async fn quiet_account_is_removed_and_polled_again_later() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let attempts = Attempts::new(
        Some(store),
        OnStoreDown::default(),
        Process::new(),
        Time::System(SystemClock),
        &RefreshPolicy::default(),
    );
    let base = Environment::Test.base_url_for(true).unwrap();
    let account = Credentials::merchant("key", "secret").account(&base);
    for _ in 0..2 {
        attempts.polls().start(&attempts, account, true);
        assert_eq!(attempts.polls().0.lock().len(), 1);
        sleep(2 * POLL_INTERVAL).await;
        assert!(attempts.polls().0.lock().is_empty());
    }
}
