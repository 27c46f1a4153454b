use std::sync::mpsc;

use super::*;
use crate::activity::Activity;

/// The clock advances only while all tasks wait.
#[tokio::test(start_paused = true)]
async fn caller_beside_1_024_idle_waits_50_ms_at_most() {
    use clap::Parser;

    let timeouts = crate::args::Args::parse_from(["enkash-sidecar"]).timeouts;
    let slots = Slots::new(1_024);
    let (closed, closings) = mpsc::channel();
    for number in 0..1_024 {
        let activity = Activity::new();
        let slot = slots.acquire(&activity).await.unwrap();
        let closed = closed.clone();
        tokio::spawn(async move {
            activity.end(&timeouts).await;
            closed.send(number).unwrap();
            drop(slot);
        });
    }
    let mut kept = Vec::new();
    for expected in 0..3 {
        let start = tokio::time::Instant::now();
        kept.push(slots.acquire(&Activity::new()).await.unwrap());
        assert!(start.elapsed() <= Duration::from_millis(50));
        assert_eq!(closings.try_recv(), Ok(expected), "the longest idle");
        assert!(closings.try_recv().is_err(), "only one");
    }
}
