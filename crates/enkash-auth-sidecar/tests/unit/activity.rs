use super::*;

/// Returns an activity, and timeouts that differ.
fn idle() -> (Arc<Activity>, Timeouts) {
    use clap::Parser;

    let args = crate::args::Args::parse_from(["enkash-sidecar", "--idle-timeout", "75s"]);
    (Activity::new(), args.timeouts)
}

/// The next request can be read before the body of the last response is dropped.
#[test]
fn call_begun_before_last_is_dropped_is_not_idle() {
    let (activity, timeouts) = idle();
    let first = activity.begin_call();
    let second = activity.begin_call();
    drop(first);
    assert_eq!(activity.idle_since(), None);
    assert_eq!(activity.waits().end(&timeouts), None);
    drop(second);
    assert!(activity.idle_since().is_some());
}

#[tokio::test(start_paused = true)]
async fn head_that_arrives_counts_as_used() {
    let (activity, _) = idle();
    let opened = activity.idle_since().unwrap();
    tokio::time::advance(Duration::from_secs(1)).await;
    activity.received();
    let begun = activity.idle_since().unwrap();
    assert!(begun > opened);
    tokio::time::advance(Duration::from_secs(1)).await;
    // The rest of the head.
    activity.received();
    assert_eq!(activity.idle_since(), Some(begun));
}
