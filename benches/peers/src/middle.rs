//! middle: a header that a background task renews.
//!
//! It takes no part in the storms. `build` fetches the first token, or fails; callers with the authorizer
//! never wait for a fetch and never cause one.

use std::{sync::Arc, time::Duration};

use enkash_auth_benches::{
    hot::{self, Runner},
    issuer::Issuer,
};
use http::HeaderValue;
use middle::{Authorizer, BasicClientCredentialAuthorizer};
use tower::{BoxError, service_fn};
use url::Url;

use crate::{
    loopback,
    peer::{Peer, authorized},
};

#[derive(Clone, Debug)]
pub(crate) struct Middle(BasicClientCredentialAuthorizer);

impl Peer for Middle {
    const NAME: &'static str = "middle";

    async fn warm() -> Result<Self, BoxError> {
        let url = Url::parse(&loopback::serve(&Issuer::granting(Duration::ZERO))?)?;
        let builder =
            BasicClientCredentialAuthorizer::basic_builder("client-id", "client-secret", url);
        Ok(Self(builder.build().await?))
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        Ok(Arc::unwrap_or_clone(self.0.authorization_header()?))
    }

    /// Never waits, so that nothing has to be cloned for a future.
    fn runner(&self) -> Runner {
        let authorizer = self.0.clone();
        hot::kept(service_fn(move |call| {
            let header = authorizer.authorization_header();
            authorized(call, header.map(Arc::unwrap_or_clone))
        }))
    }
}
