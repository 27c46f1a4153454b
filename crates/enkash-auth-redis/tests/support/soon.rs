use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until `is` holds, however busy the machine is.
pub(crate) async fn soon(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !is().await {
        assert!(start.elapsed() < Duration::from_secs(60), "{what}");
        sleep(Duration::from_millis(20)).await;
    }
}
