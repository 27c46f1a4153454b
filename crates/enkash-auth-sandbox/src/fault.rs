use std::collections::BTreeMap;
use std::time::Duration;

use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::order::{Endpoint, Order};
use crate::seconds;

/// What can go wrong with an answer.
///
/// Some strike after the request was carried out: the password was counted, the token granted, the
/// API call made, only the answer suffers. The others strike instead of it.
///
/// In JSON a fault is its name, such as `"hang"` or `"close-after-reading"`, or an object of its
/// name and its fields, such as `{"delay": {"by": 2.5}}`; durations are seconds.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use enkash_auth_sandbox::{Endpoint, Fault, Issuer};
///
/// let issuer = Issuer::default();
/// issuer.order(Fault::ServerError.at(Endpoint::Token).times(2));
/// issuer.order(Fault::Hang.at(Endpoint::Api).lasting(Duration::from_secs(5)));
/// assert_eq!(issuer.orders().len(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Fault {
    /// The request is carried out, and the answer takes a while.
    Delay {
        /// How long.
        #[serde(with = "seconds")]
        by: Duration,
    },
    /// The connection is closed when the head of the request is there; its body is not read.
    CloseBeforeReading,
    /// The request is carried out, and the connection closed without an answer.
    CloseAfterReading,
    /// The request is carried out; half of the answer is sent, and the connection closed.
    HalfAnswer,
    /// The request is carried out, and the answer never comes.
    Hang,
    /// The request is carried out; its response is lost in a gateway, which sends a page of HTML
    /// in place of it.
    CarriedOut {
        /// The status of the page, from 200 up: 502, say.
        #[serde(with = "status")]
        status: StatusCode,
    },
    /// A page of HTML with any status from 200 up, as a CDN or a captive portal sends it.
    Page {
        /// Its status: 403, 429, 502, 503 or 520 to 530, say.
        #[serde(with = "status")]
        status: StatusCode,
    },
    /// 500 with `{"error": "server_error"}`.
    ServerError,
    /// 403 with JSON: an address that is not allow-listed, an API that is not enabled.
    Forbidden,
    /// 429 with JSON.
    TooManyRequests {
        /// `Retry-After` in whole seconds, rounded up; `None` for no such header.
        #[serde(default, with = "seconds::option")]
        retry_after: Option<Duration>,
    },
    /// 200 that says it is JSON and is bytes at random.
    Garbage,
    /// 200 that says it is JSON and has no body.
    Empty,
    /// 200 with 32 MiB of JSON, a token among it.
    Huge,
    /// 307 to another address.
    Redirect {
        /// Where to; `None` is [a trap](crate::Counters::redirects_followed) of the sandbox.
        #[serde(default)]
        to: Option<String>,
    },
    /// 200 with JSON that is neither a grant nor a refusal.
    OtherJson,
    /// Any answer that is not above.
    Answer {
        /// Its status, from 200 up.
        #[serde(with = "status")]
        status: StatusCode,
        /// Its headers; what cannot be one is left out.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// Its body.
        #[serde(default)]
        body: String,
    },
}

impl Fault {
    /// Creates an order of this fault for the next request to an endpoint.
    pub fn at(self, endpoint: Endpoint) -> Order {
        Order::new(self, endpoint)
    }
}

/// A status in JSON: a number, and one that an answer can end with.
mod status {
    use http::StatusCode;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(status: &StatusCode, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<StatusCode, D::Error> {
        let number = u16::deserialize(from)?;
        StatusCode::from_u16(number)
            .ok()
            .filter(|status| !status.is_informational())
            .ok_or_else(|| D::Error::custom(format_args!("{number} is not a status of an answer")))
    }
}
