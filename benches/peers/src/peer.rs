//! The interface of a measured peer, and its use around a call.

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

/// A compared cache. Clones share it.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    /// The name in the report: the crate, and its use if there are two.
    const NAME: &'static str;

    /// Creates a cache with a token.
    fn warm() -> impl Future<Output = Result<Self, BoxError>> + Send;

    /// Returns the header for a request.
    fn header(&self) -> impl Future<Output = Result<HeaderValue, BoxError>> + Send;

    /// Adds the header to requests. Neither a box nor a clone shared between threads adds to the cost of
    /// the peer.
    fn runner(&self) -> Runner {
        let peer = Arc::new(self.clone());
        hot::kept(service_fn(move |call| {
            let peer = Arc::clone(&peer);
            async move { authorized(call, peer.header().await).await }
        }))
    }
}

/// A peer whose cache starts empty.
pub(crate) trait Cold: Peer {
    /// Creates a cold cache with tokens of `issuer`. Call it inside a runtime.
    fn cold(issuer: &Issuer) -> Result<Self, BoxError>;
}

/// Creates a cache with its first token.
pub(crate) async fn warmed<P: Cold>() -> Result<P, BoxError> {
    let peer = P::cold(&Issuer::granting(Duration::ZERO))?;
    peer.header().await?;
    Ok(peer)
}

/// Calls the bare service with the header.
pub(crate) async fn authorized<E>(
    mut call: Call,
    header: Result<HeaderValue, E>,
) -> Result<<Bare as Service<Call>>::Response, BoxError>
where
    E: Into<BoxError>,
{
    let header = header.map_err(Into::into)?;
    call.headers_mut().insert(AUTHORIZATION, header);
    Ok(Bare.call(call).await?)
}

/// Returns the way of a peer, if it adds the issuer's token to a request. Call it inside a runtime, but
/// not in one of its tasks.
pub(crate) fn way<P: Peer>() -> Result<Way, BoxError> {
    let header = Handle::current().block_on(async { P::warm().await?.header().await })?;
    let right = format!("Bearer {}", request::token(0));
    // The issuer writes the scheme in lower case, and so do some peers.
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

/// Builds a new sensitive header for each call.
pub(crate) fn bearer(token: &str) -> Result<HeaderValue, BoxError> {
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// A peer in a storm: only the token from its cache, without a request.
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
