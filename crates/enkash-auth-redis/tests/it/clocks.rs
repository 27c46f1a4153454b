//! Replicas whose clocks are apart: the store goes by that of the server.

use std::time::Duration;

use enkash_auth_core::{
    Clock, Moment, RefreshPolicy, SystemClock,
    strikes::{Bid, Holder},
};
use enkash_auth_redis::tower::{Begin, TokenStore};

use crate::fleet::Fleet;

/// A machine whose wall clock is wrong, and that was started at another time.
#[derive(Clone, Copy, Debug)]
struct Wrong(i64);

impl Clock for Wrong {
    fn monotonic_nanos(&self) -> u64 {
        let shift = self.0.unsigned_abs() * 1_000;
        SystemClock.monotonic_nanos() + Duration::from_secs(shift).as_nanos() as u64
    }

    fn unix_nanos(&self) -> u64 {
        SystemClock
            .unix_nanos()
            .wrapping_add_signed(self.0 * 1_000_000_000)
    }
}

const MINUTE: [i64; 3] = [-60, 0, 60];

#[tokio::test(flavor = "multi_thread")]
async fn a_token_lives_as_long_wherever_it_is_found() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    for minute in MINUTE {
        fleet.server.run(&[b"FLUSHALL"]).await;
        fleet
            .start_with("password", Wrong(minute))
            .token()
            .await
            .unwrap();
        let requests = fleet.requests();
        for other in MINUTE {
            let clock = Wrong(other);
            let token = fleet.start_with("password", clock).token().await.unwrap();
            let left = token.schedule().expiry().remaining(clock.now());
            assert!(
                left <= Duration::from_secs(300),
                "{minute} {other}: {left:?}"
            );
            assert!(
                left >= Duration::from_secs(295),
                "{minute} {other}: {left:?}"
            );
        }
        assert_eq!(fleet.requests(), requests);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_on_for_all() {
    let Some(fleet) = Fleet::new(Duration::from_secs(300), Duration::ZERO).await else {
        return;
    };
    let endpoint = fleet.endpoint("password");
    let (who, store) = (endpoint.principal(), fleet.server.store());
    let begin = async |cache, now: Moment| {
        let bid = Bid::new(Holder::new(cache, 1), &RefreshPolicy::default());
        store.begin(who, bid, None, now).await.unwrap()
    };
    let first = begin(1, Wrong(0).now()).await;
    assert!(matches!(first, Begin::Granted(_)));
    for (cache, minute) in (2..).zip(MINUTE) {
        let begun = begin(cache, Wrong(minute).now()).await;
        assert!(matches!(begun, Begin::Busy), "{minute}");
    }
}
