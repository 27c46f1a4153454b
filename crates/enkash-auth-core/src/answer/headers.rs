use std::time::{Duration, SystemTime};

use http::{
    HeaderMap,
    header::{AsHeaderName, CONTENT_TYPE, DATE, RETRY_AFTER},
};

/// A server that asks for more patience than this is taken to have meant this.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// The server's clock when it made the answer, where `Date` can be read.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(text(headers, DATE)?).ok()
}

/// `Retry-After` (RFC 9110 section 10.2.3) as a span: seconds, or a point on the server's clock,
/// which means something only beside `Date`. At most a day.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = text(headers, RETRY_AFTER)?.trim();
    let after = match value.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value)
            .ok()?
            .duration_since(date(headers)?)
            .unwrap_or_default(),
    };
    Some(after.min(LONGEST_PAUSE))
}

/// Whether the answer calls itself HTML.
pub(super) fn is_html(headers: &HeaderMap) -> bool {
    text(headers, CONTENT_TYPE).is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
}

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
