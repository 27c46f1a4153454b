//! Two clocks, read together and enforced together.
//!
//! A monotonic clock stops while the machine is suspended; a wall clock can be set back. A token has expired
//! as soon as *either* says so. All code in the workspace reads time through [`Clock`].

mod clock;
#[cfg(feature = "test-util")]
mod manual;
mod timestamp;

#[cfg(feature = "test-util")]
pub use self::manual::ManualClock;
pub use self::{
    clock::{Clock, SystemClock},
    timestamp::{Timestamp, nanos},
};
