use enkash_auth_core::{Clock, SystemClock};

use crate::sync::Arc;

/// The clock of a cache. The default one, which nearly all have, is called without a detour: it is
/// asked for every request.
#[derive(Clone, Debug)]
pub(crate) enum Time {
    System(SystemClock),
    Other(Arc<dyn Clock>),
}

impl Clock for Time {
    #[inline]
    fn monotonic_nanos(&self) -> u64 {
        match self {
            Self::System(clock) => clock.monotonic_nanos(),
            Self::Other(clock) => clock.monotonic_nanos(),
        }
    }

    fn unix_nanos(&self) -> u64 {
        match self {
            Self::System(clock) => clock.unix_nanos(),
            Self::Other(clock) => clock.unix_nanos(),
        }
    }
}
