//! What a seed decides before anything happens.

use std::time::Duration;

use fastrand::Rng;

/// The conditions of one run.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) processes: usize,
    pub(super) has_store: bool,
    pub(super) merchants: usize,
    pub(super) capacity: usize,
    pub(super) idle_timeout: Duration,
    pub(super) max_requests: usize,
    pub(super) keep_warm: bool,
    pub(super) is_reusing: bool,
    pub(super) lifetime: u64,
    /// How often each merchant is called, in milliseconds.
    pub(super) calls_every: u64,
    /// How often something is changed.
    pub(super) changes_every: u64,
    pub(super) well_at: Duration,
    // How often something fails, of a thousand times.
    pub(super) source_loss: u32,
    pub(super) store_loss: u32,
    pub(super) server_loss: u32,
    pub(super) odd: u32,
    pub(super) unclear: u32,
    pub(super) slow: u32,
}

impl Plan {
    pub(super) fn draw(rng: &mut Rng) -> Self {
        let processes = rng.usize(1..=2);
        let merchants = rng.usize(2..=10);
        let mut rate = |most| match rng.u8(..3) {
            0 => 0,
            _ => rng.u32(0..=most),
        };
        let (source_loss, store_loss) = (rate(300), rate(150));
        let (server_loss, odd, unclear, slow) = (rate(300), rate(200), rate(80), rate(200));
        Self {
            processes,
            // The records of processes without one know nothing of each other.
            has_store: processes > 1 || rng.bool(),
            merchants,
            capacity: rng.usize(1..=merchants + 1),
            idle_timeout: Duration::from_millis(rng.u64(1_000..100_000)),
            max_requests: rng.usize(1..=4),
            keep_warm: rng.u8(..4) == 0,
            is_reusing: rng.bool(),
            lifetime: [2, 5, 10, 30, 120, rng.u64(2..60)][rng.usize(..6)],
            calls_every: rng.u64(200..6_000),
            changes_every: rng.u64(300..5_000),
            well_at: Duration::from_millis(rng.u64(15_000..100_000)),
            source_loss,
            store_loss,
            server_loss,
            odd,
            unclear,
            slow,
        }
    }
}
