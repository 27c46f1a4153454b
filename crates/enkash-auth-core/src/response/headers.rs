use std::time::{Duration, SystemTime};

use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_ENCODING, DATE, RETRY_AFTER},
};

/// Longer pauses that a server asks for are cut to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// Returns the server's clock when it made the response, where `Date` can be read.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// Reads `Retry-After` (RFC 9110 section 10.2.3) as a span: seconds, also with a fraction, or a
/// point on the server's clock, which means something only beside `Date`. Of several the longest,
/// at most a day.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(RETRY_AFTER).iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| {
            // A date has a comma of its own.
            let pieces: Vec<_> = list.split(',').collect();
            let dates = pieces.windows(2).map(|pair| pair.join(","));
            let alone = pieces.iter().map(|piece| (*piece).to_owned());
            alone.chain(dates).collect::<Vec<_>>()
        })
        .filter_map(|value| seconds(value.trim()).or_else(|| until(value.trim(), headers)))
        .max()
        .map(|after| after.min(LONGEST_PAUSE))
}

/// Returns whether `Content-Encoding` is deflate.
pub(super) fn is_deflate(headers: &HeaderMap) -> bool {
    let encoding = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    encoding.is_some_and(|encoding| encoding.trim_ascii().eq_ignore_ascii_case(b"deflate"))
}

fn seconds(value: &str) -> Option<Duration> {
    let is_number = value
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let seconds = value.parse().ok().filter(|_| is_number)?;
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST_PAUSE))
}

fn until(value: &str, headers: &HeaderMap) -> Option<Duration> {
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(date(headers)?).unwrap_or_default())
}
