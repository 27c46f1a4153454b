use std::path::Path;

use enkash_auth_tower::BoxError;
use http::{HeaderMap, HeaderName};
use subtle::ConstantTimeEq;

use crate::store::secret;

/// The header in which a caller sends the key.
pub(crate) const CALLER_KEY: HeaderName = HeaderName::from_static("x-enkash-caller-key");

/// A secret that every caller has to send. It has no `Debug`.
pub(crate) struct CallerKey(String);

impl CallerKey {
    /// Reads the key from a file.
    pub(crate) fn read(file: &Path) -> Result<Self, BoxError> {
        let key = secret(file)?;
        match key.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Self(key)),
            false => Err("it is not one word of visible ASCII characters".into()),
        }
    }

    /// Returns whether `headers` have the key, and no second one, in constant time.
    pub(crate) fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut values = headers.get_all(CALLER_KEY).iter();
        let (first, second) = (values.next(), values.next());
        let key = first.filter(|_| second.is_none());
        key.is_some_and(|key| key.as_bytes().ct_eq(self.0.as_bytes()).into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
