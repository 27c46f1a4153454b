use std::time::Duration;

use allocation_counter::measure;
use enkash_auth_core::ManualClock;
use tokio::runtime::Builder;

use super::{builder, server, warm};

/// Returns the heap that each of so many accounts takes that have a token of this length and are idle, after so many
/// renewals.
///
/// Runs on one thread, because allocations are counted per thread.
#[expect(clippy::expect_used, reason = "a runtime of one thread needs nothing")]
pub fn bytes_per_account(accounts: u64, token_length: usize, renewals: u32) -> f64 {
    let runtime = Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime");
    let server = server(&"t".repeat(token_length));
    let mut kept = None;
    let heap = measure(|| {
        runtime.block_on(async {
            let clock = ManualClock::new();
            let all = builder(server, accounts).clock(clock.clone()).build();
            for _ in 0..=renewals {
                clock.advance(Duration::from_secs(300));
                warm(&all, accounts).await;
            }
            kept = Some(all);
        });
    });
    heap.bytes_current as f64 / accounts as f64
}
