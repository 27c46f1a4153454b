use std::time::Duration;

use crate::Moment;

/// How many refusals by the API cause a fetch at once.
const SIZE: u32 = 2;

/// How long it takes until one more may.
const REFILL: Duration = Duration::from_secs(30);

/// Bounds the fetches that refusals cause: an API that answers 401 to everything makes no storm.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bucket {
    used: u32,
    /// Up to when the used ones are refilled.
    counted: Option<Moment>,
}

impl Bucket {
    /// Takes one, if there is one left at `now`.
    pub(super) fn take(&mut self, now: Moment) -> bool {
        while let Some(next) = self.counted.map(|counted| counted.plus(REFILL)) {
            if self.used == 0 || !next.on_monotonic().is_over(now) {
                break;
            }
            self.used -= 1;
            self.counted = Some(next);
        }
        if self.used == 0 {
            self.counted = Some(now);
        }
        let is_left = self.used < SIZE;
        self.used += u32::from(is_left);
        is_left
    }
}
