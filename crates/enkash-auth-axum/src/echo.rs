//! Keeps the token out of the response that rejects it: Spring's server repeats it there
//! (`Invalid access token: …`), and callers log such responses.

use axum::body::{Body, Bytes, to_bytes};
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_ENCODING, CONTENT_LENGTH},
};
use http_body::Body as HttpBody;

/// The longest body that is searched. A longer one is left out.
const MAX_BODY: usize = 64 * 1024;

/// Masks the token of `authorization` in a 401, in its headers and its body.
///
/// The mask has the token's length, so that the body's remains. A body that cannot be searched is left out: one
/// that is compressed, too long, or breaks off.
pub(crate) async fn mask(
    response: Response<Body>,
    authorization: Option<&HeaderValue>,
) -> Response<Body> {
    let token =
        authorization.and_then(|value| value.as_bytes().rsplit(|byte| *byte == b' ').next());
    let Some(token) = token.filter(|_| response.status() == StatusCode::UNAUTHORIZED) else {
        return response;
    };
    let (mut head, body) = response.into_parts();
    for value in head.headers.values_mut() {
        if let Some(masked) = masked(value.as_bytes(), token) {
            *value = HeaderValue::from_maybe_shared(masked).unwrap_or(HeaderValue::from_static(""));
        }
    }
    if body.is_end_stream() {
        return Response::from_parts(head, body);
    }
    let read = match head.headers.contains_key(CONTENT_ENCODING) {
        false => to_bytes(body, MAX_BODY).await.ok(),
        true => None,
    };
    let body = match read {
        Some(read) => masked(&read, token).unwrap_or(read),
        None => {
            head.headers.remove(CONTENT_ENCODING);
            head.headers.remove(CONTENT_LENGTH);
            Bytes::new()
        }
    };
    Response::from_parts(head, Body::from(body))
}

/// Returns `text` with each occurrence of `token` replaced by as many `*`; `None` if there is none.
fn masked(text: &[u8], token: &[u8]) -> Option<Bytes> {
    let length = token.len().max(1);
    let starts = text.windows(length).enumerate();
    let mut starts = starts.filter(|(_, window)| *window == token).peekable();
    starts.peek()?;
    let mut masked = text.to_vec();
    for (start, _) in starts {
        masked.get_mut(start..start + length)?.fill(b'*');
    }
    Some(masked.into())
}
