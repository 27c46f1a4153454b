use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::millis;
use crate::fault::Fault;
use crate::number;

/// The endpoint of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Endpoint {
    /// The token endpoint, in both dialects.
    Token,
    /// Every guarded path.
    Api,
}

/// A fault with its endpoint and how often it applies. Default: once.
///
/// The orders of an endpoint are queued: the next becomes active when the one before is used up. In
/// JSON: `{"at": "token", "fault": "hang", "times": 2}`, with `"lasting": 5` (seconds) instead of
/// `times`, or with neither.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
#[must_use = "an order does nothing until it is given to an issuer"]
pub struct Order {
    at: Endpoint,
    fault: Fault,
    #[serde(flatten)]
    span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Span {
    Times(u32),
    Lasting(#[serde(with = "number")] Duration),
}

impl Order {
    pub(crate) fn new(fault: Fault, at: Endpoint) -> Self {
        let span = Span::Times(1);
        Self { at, fault, span }
    }

    /// Applies the fault to this many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.span = Span::Times(times);
        self
    }

    /// Applies the fault for `duration` after the order becomes active. Advancing the issuer's clock
    /// counts, its offset does not.
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.span = Span::Lasting(duration);
        self
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.at
    }
}

/// The JSON form of an order.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    at: Endpoint,
    fault: Fault,
    times: Option<u32>,
    #[serde(default, with = "number::option")]
    lasting: Option<Duration>,
}

impl TryFrom<Written> for Order {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let order = Self::new(written.fault, written.at);
        match (written.times, written.lasting) {
            (Some(_), Some(_)) => Err("an order has either `times` or `lasting`"),
            (Some(times), None) => Ok(order.times(times)),
            (None, Some(duration)) => Ok(order.lasting(duration)),
            (None, None) => Ok(order),
        }
    }
}

/// The queue of orders of one endpoint; the first is active.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Order>,
    /// Since when the first is active, in monotonic milliseconds.
    since: i64,
}

impl Queue {
    pub(crate) fn push(&mut self, order: Order, now: i64) {
        self.drop_used_up(now);
        if self.waiting.is_empty() {
            self.since = now;
        }
        self.waiting.push_back(order);
    }

    /// Takes the fault for a request now.
    pub(crate) fn take(&mut self, now: i64) -> Option<Fault> {
        self.drop_used_up(now);
        let order = self.waiting.front_mut()?;
        let fault = order.fault.clone();
        if let Span::Times(times) = &mut order.span {
            *times -= 1;
            if *times == 0 {
                self.waiting.pop_front();
                self.since = now;
            }
        }
        Some(fault)
    }

    /// Returns the orders with their remaining counts.
    pub(crate) fn orders(&mut self, now: i64) -> Vec<Order> {
        self.drop_used_up(now);
        let passed = Duration::from_millis(now.saturating_sub(self.since).unsigned_abs());
        let mut orders = Vec::from(self.waiting.clone());
        if let Some(Span::Lasting(left)) = orders.first_mut().map(|order| &mut order.span) {
            *left = left.saturating_sub(passed);
        }
        orders
    }

    /// Drops the first order while it is used up; the next became active at its end.
    fn drop_used_up(&mut self, now: i64) {
        while let Some(order) = self.waiting.front() {
            match order.span {
                Span::Times(0) => {}
                Span::Times(_) => return,
                Span::Lasting(duration) => {
                    let end = self.since.saturating_add(millis(duration));
                    if now < end {
                        return;
                    }
                    self.since = end;
                }
            }
            self.waiting.pop_front();
        }
    }
}
