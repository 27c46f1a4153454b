use tokio::time::timeout;

use crate::{
    BoxError, Error, ErrorKind,
    store::{STORE_TIMEOUT, StoreFuture},
};

/// Explains why the store cannot be used.
#[derive(Debug)]
pub enum Down {
    Unavailable(BoxError),
    /// The record is in a newer format.
    Newer,
}

impl Down {
    /// Waits for a call of the store, no longer than [`STORE_TIMEOUT`].
    pub async fn limit<T>(call: StoreFuture<'_, T>) -> Result<T, Self> {
        match timeout(STORE_TIMEOUT, call).await {
            Ok(result) => result.map_err(Self::Unavailable),
            Err(_) => Err("the store did not respond in time".into()),
        }
    }
}

impl<E: Into<BoxError>> From<E> for Down {
    fn from(error: E) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<Down> for Error {
    fn from(down: Down) -> Self {
        match down {
            Down::Unavailable(source) => {
                Self::new(ErrorKind::StoreUnavailable, "").with_source(source)
            }
            Down::Newer => Self::new(
                ErrorKind::StoreUnavailable,
                "the account record was written by a newer release; nothing was sent",
            ),
        }
    }
}
