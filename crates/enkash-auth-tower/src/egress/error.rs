use std::{error::Error as StdError, fmt};

use http::Uri;

use crate::BoxError;

/// No connection through a proxy: it cannot be reached, it refuses, it hangs, or what answers behind
/// it is not trusted.
#[derive(Debug)]
pub(super) struct NotThrough {
    /// Without credentials.
    proxy: Uri,
    source: BoxError,
}

impl NotThrough {
    pub(super) fn new(proxy: Uri, source: BoxError) -> Self {
        Self { proxy, source }
    }
}

impl fmt::Display for NotThrough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection through the proxy {}", self.proxy)
    }
}

impl StdError for NotThrough {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
