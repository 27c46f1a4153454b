use std::fmt;

use http::HeaderValue;
use zeroize::Zeroizing;

use crate::{Failure, FailureKind};

const SCHEME: &str = "Bearer ";

/// Holds a bearer token (RFC 6750) as the header value that carries it, marked sensitive.
#[derive(Clone, Eq, PartialEq)]
pub struct Bearer(HeaderValue);

impl Bearer {
    /// The longest accepted token, in bytes; servers reject longer request headers.
    pub const MAX_LEN: usize = 8 * 1024;

    /// Creates the header value of `token`.
    ///
    /// # Errors
    ///
    /// [`FailureKind::InvalidResponse`] for a token that is empty, longer than
    /// [`MAX_LEN`](Self::MAX_LEN), or holds anything but visible ASCII characters.
    pub fn new(token: &str) -> Result<Self, Failure> {
        if token.is_empty() || token.len() > Self::MAX_LEN {
            return Err(invalid("the token is empty or too long"));
        }
        if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(invalid("the token cannot be a header value"));
        }
        let text = Zeroizing::new([SCHEME, token].concat());
        let mut value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| invalid("the token cannot be a header value"))?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Returns the header value: `Bearer …`.
    pub fn header(&self) -> &HeaderValue {
        &self.0
    }

    /// Returns the header value of the token without a scheme, marked sensitive.
    pub fn bare_header(&self) -> HeaderValue {
        let mut value = HeaderValue::from_str(self.expose()).unwrap_or_else(|_| self.0.clone());
        value.set_sensitive(true);
        value
    }

    /// Returns the token without its scheme. It is a secret: do not print it.
    pub fn expose(&self) -> &str {
        let value = self.0.to_str().unwrap_or_default();
        value.strip_prefix(SCHEME).unwrap_or_default()
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(..)")
    }
}

fn invalid(why: &'static str) -> Failure {
    Failure::new(FailureKind::InvalidResponse, why)
}
