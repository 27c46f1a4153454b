use tokio::time::timeout;

use crate::{
    BoxError, Error, ErrorKind,
    store::{Store, StoreFuture},
};

/// Explains why the store cannot be used.
#[derive(Debug)]
pub enum Down {
    Unavailable(BoxError),
    /// The record is in a newer format.
    Newer,
}

impl Down {
    /// Waits for a call of `store`, no longer than its [timeout](Store::timeout).
    pub async fn limit<T>(store: &dyn Store, call: StoreFuture<'_, T>) -> Result<T, Self> {
        let result = match store.timeout() {
            Some(limit) => timeout(limit, call).await,
            None => Ok(call.await),
        };
        result.map_or_else(
            |_| Err("the store did not respond in time".into()),
            |result| result.map_err(Self::Unavailable),
        )
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
