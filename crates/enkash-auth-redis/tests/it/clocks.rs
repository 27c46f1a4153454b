//! Processes with different clocks: leases and tokens use the clock of the server.

use std::time::Duration;

use enkash_auth_core::{Clock, SystemClock};
use tokio::task::JoinSet;

use crate::fleet::{Fleet, LONG};

/// The clocks of a host that is off by these seconds and was booted at another time.
#[derive(Clone, Copy, Debug)]
struct Wrong(i64);

impl Clock for Wrong {
    fn monotonic_nanos(&self) -> u64 {
        let shift = self.0.unsigned_abs() * 1_000_000_000_000;
        SystemClock.monotonic_nanos() + shift
    }

    fn unix_nanos(&self) -> u64 {
        SystemClock
            .unix_nanos()
            .wrapping_add_signed(self.0 * 1_000_000_000)
    }
}

/// Longer than any lease.
const HOUR: [i64; 3] = [-3_600, 0, 3_600];

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn token_expiry_is_independent_of_local_clock() {
    let fleet = Fleet::new(LONG).await;
    for (requests, writer) in (1..).zip(HOUR) {
        fleet.server.run::<()>(&[b"FLUSHALL"]).await;
        let tokens = fleet.process("password").clock(Wrong(writer)).build();
        tokens.token().await.unwrap();
        for reader in HOUR {
            let clock = Wrong(reader);
            let tokens = fleet.process("password").clock(clock).build();
            let token = tokens.token().await.unwrap();
            let left = token.schedule().expiry().remaining(clock.now());
            assert!(left <= LONG, "{writer} {reader}: {left:?}");
            let least = LONG.saturating_sub(Duration::from_secs(20));
            assert!(left >= least, "{writer} {reader}: {left:?}");
        }
        assert_eq!(fleet.requests(), requests);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs redis-server"]
async fn lease_holds_with_clocks_an_hour_apart() {
    let fleet = Fleet::slow(LONG, Duration::from_millis(500)).await;
    let mut starting = JoinSet::new();
    for clock in HOUR.map(Wrong) {
        for _ in 0..2 {
            let tokens = fleet.process("password").clock(clock).build();
            starting.spawn(async move { tokens.token().await.map(drop).unwrap() });
        }
    }
    starting.join_all().await;
    assert_eq!(fleet.requests(), 1);
}
