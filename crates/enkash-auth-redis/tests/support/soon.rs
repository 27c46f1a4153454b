use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until `is` holds.
pub(crate) async fn soon(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < Duration::from_secs(15), "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}
