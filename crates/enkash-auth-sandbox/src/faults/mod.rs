//! Faults to order: what goes wrong, where, and for how long.

mod fault;
mod order;
mod queue;
mod status;

pub use self::fault::Fault;
pub(crate) use self::order::Span;
pub use self::order::{Endpoint, Order};
pub(crate) use self::queue::Faults;
