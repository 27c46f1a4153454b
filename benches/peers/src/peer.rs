//! What a peer has to offer to be measured, and how it is put around a call.

use std::{sync::Arc, time::Duration};

use enkash_auth_benches::{
    hot::{self, Bare, Factory, Runner, Way},
    issuer::Issuer,
    request::{self, Call},
    storm::Cache,
};
use http::{HeaderValue, header::AUTHORIZATION};
use tokio::runtime::Handle;
use tower::{BoxError, Service, service_fn};

/// Whose cache is compared. Clones share it.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// As the report calls it: the crate, and how it is used where there are two ways.
    const NAME: &'static str;

    /// With a token in the cache.
    fn warm() -> impl Future<Output = Result<Self, BoxError>> + Send;

    /// What goes on a request.
    fn header(&self) -> impl Future<Output = Result<HeaderValue, BoxError>> + Send;

    /// Puts the header on requests. Neither a box nor a clone that is shared between threads adds to
    /// what the peer costs.
    fn runner(&self) -> Runner {
        let peer = Arc::new(self.clone());
        hot::kept(service_fn(move |call| {
            let peer = Arc::clone(&peer);
            async move { authorized(call, peer.header().await).await }
        }))
    }
}

/// A peer whose cache begins empty.
pub(crate) trait Cold: Peer {
    /// A cold cache whose tokens `issuer` issues. To be called inside a runtime.
    fn cold(issuer: &Issuer) -> Result<Self, BoxError>;
}

/// The cache with its first token in it.
pub(crate) async fn warmed<P: Cold>() -> Result<P, BoxError> {
    let peer = P::cold(&Issuer::granting(Duration::ZERO))?;
    peer.header().await?;
    Ok(peer)
}

/// Calls the bare service with the header.
pub(crate) async fn authorized<E>(
    mut call: Call,
    header: Result<HeaderValue, E>,
) -> Result<http::Response<()>, BoxError>
where
    E: Into<BoxError>,
{
    let header = header.map_err(Into::into)?;
    call.headers_mut().insert(AUTHORIZATION, header);
    Ok(Bare.call(call).await?)
}

/// The way of a peer, if it puts the token of the issuer on a request. To be called inside a runtime,
/// not by one of its tasks.
pub(crate) fn way<P: Peer>() -> Result<Way, BoxError> {
    let header = Handle::current().block_on(async { P::warm().await?.header().await })?;
    let right = format!("Bearer {}", request::token(0));
    // The issuer writes the scheme in small letters, and so do some peers.
    if !header.as_bytes().eq_ignore_ascii_case(right.as_bytes()) {
        return Err("it has another token".into());
    }
    Ok(Way {
        name: P::NAME,
        factory: factory::<P>,
    })
}

#[expect(clippy::expect_used, reason = "it was warm before")]
fn factory<P: Peer>() -> Factory {
    let peer = Handle::current().block_on(P::warm());
    let peer = peer.expect("a peer with a token");
    Box::new(move || peer.runner())
}

/// A sensitive header of its own for each call.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, BoxError> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// A peer in a storm: the token as it comes out of its cache, and no request.
#[derive(Clone)]
pub(crate) struct Stormed<P>(Option<P>);

impl<P: Cold> Cache for Stormed<P> {
    const NAME: &'static str = P::NAME;

    fn cold(issuer: &Issuer) -> Self {
        Self(P::cold(issuer).ok())
    }

    async fn ask(&self) -> bool {
        match &self.0 {
            Some(peer) => peer.header().await.is_ok(),
            None => false,
        }
    }
}
