//! Where a fault strikes, and how often.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::seconds;

/// Where a fault strikes.
///
/// # Examples
///
/// ```
/// use enkash_auth_sandbox::{Endpoint, Fault};
///
/// let order = Fault::Empty.at(Endpoint::Token);
/// # let _ = order;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Endpoint {
    /// The token endpoint, in both dialects.
    Token,
    /// Every guarded path.
    Api,
}

/// A fault, where it strikes, and how often: once, if nothing else is said.
///
/// The orders of an endpoint wait in line: the next comes into force when the one before is used
/// up. In JSON: `{"at": "token", "fault": "hang", "times": 2}`, with `"lasting": 5` (seconds)
/// instead of `times`, or with neither.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use enkash_auth_sandbox::{Endpoint, Fault, Issuer, Order};
///
/// let issuer = Issuer::default();
/// let order: Order = Fault::Hang.at(Endpoint::Token).lasting(Duration::from_secs(5));
/// issuer.order(order);
/// issuer.cancel_orders();
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
#[must_use = "an order does nothing until it is given to an issuer"]
pub struct Order {
    pub(crate) at: Endpoint,
    pub(crate) fault: Fault,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    Times(u32),
    Lasting(Duration),
}

impl Order {
    pub(crate) fn new(fault: Fault, at: Endpoint) -> Self {
        Self {
            at,
            fault,
            span: Span::Times(1),
        }
    }

    /// For so many requests.
    pub fn times(mut self, times: u32) -> Self {
        self.span = Span::Times(times);
        self
    }

    /// For as long, from when the order comes into force. An issuer's clock that is set wrong does
    /// not change that; one that is advanced does.
    pub fn lasting(mut self, duration: Duration) -> Self {
        self.span = Span::Lasting(duration);
        self
    }
}

/// An order as it stands in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    at: Endpoint,
    fault: Fault,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "seconds::option"
    )]
    lasting: Option<Duration>,
}

impl TryFrom<Written> for Order {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let span = match (written.times, written.lasting) {
            (Some(_), Some(_)) => return Err("an order has either `times` or `lasting`"),
            (Some(times), None) => Span::Times(times),
            (None, Some(duration)) => Span::Lasting(duration),
            (None, None) => Span::Times(1),
        };
        Ok(Self {
            at: written.at,
            fault: written.fault,
            span,
        })
    }
}

impl From<Order> for Written {
    fn from(order: Order) -> Self {
        let (times, lasting) = match order.span {
            Span::Times(times) => (Some(times), None),
            Span::Lasting(duration) => (None, Some(duration)),
        };
        Self {
            at: order.at,
            fault: order.fault,
            times,
            lasting,
        }
    }
}
