//! aws-smithy-runtime: the lazy identity cache of the SDK, with a resolver that calls the issuer.

use std::{sync::Arc, time::Duration};

use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_runtime::client::{
    auth::http::BearerAuthScheme, identity::IdentityCache,
    orchestrator::endpoints::StaticUriEndpointResolver, retries::strategy::NeverRetryStrategy,
};
use aws_smithy_runtime_api::client::{
    auth::{http::HTTP_BEARER_AUTH_SCHEME_ID, static_resolver::StaticAuthSchemeOptionResolver},
    identity::{
        Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache,
        SharedIdentityResolver, http::Token,
    },
    runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
};
use aws_smithy_types::config_bag::ConfigBag;
use enkash_auth_benches::issuer::Issuer;
use http::HeaderValue;
use tower::BoxError;

use crate::peer::{Cold, Peer, bearer, warmed};

/// The identity is a token, from which each request builds a header as the bearer scheme of the SDK does;
/// or, with `READY`, it is the header, which the cache allows but the SDK does not do.
#[derive(Clone, Debug)]
pub(crate) struct Aws<const READY: bool>(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl<const READY: bool> Peer for Aws<READY> {
    const NAME: &'static str = if READY {
        "aws-smithy-runtime-ready"
    } else {
        "aws-smithy-runtime"
    };

    async fn warm() -> Result<Self, BoxError> {
        warmed().await
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        let parts = &*self.0;
        let resolver = parts.resolver.clone();
        let identity = parts
            .cache
            .resolve_cached_identity(resolver, &parts.components, &parts.config)
            .await?;
        if READY {
            Ok(identity.data::<HeaderValue>().ok_or("no header")?.clone())
        } else {
            bearer(identity.data::<Token>().ok_or("no token")?.token())
        }
    }
}

impl<const READY: bool> Cold for Aws<READY> {
    fn cold(issuer: &Issuer) -> Result<Self, BoxError> {
        let cache = IdentityCache::lazy().build();
        let resolver = SharedIdentityResolver::new(Resolver::<READY>(issuer.clone()));
        let scheme = HTTP_BEARER_AUTH_SCHEME_ID;
        // The cache takes the clock and the sleep; the other components are required.
        let components = RuntimeComponentsBuilder::new("peers")
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .with_identity_cache(Some(cache.clone()))
            .with_identity_resolver(scheme.clone(), resolver.clone())
            .with_auth_scheme(BearerAuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                scheme,
            ])))
            .with_endpoint_resolver(Some(StaticUriEndpointResolver::http_localhost(80)))
            .with_retry_strategy(Some(NeverRetryStrategy::new()))
            .build()?;
        Ok(Self(Arc::new(Parts {
            cache,
            resolver,
            components,
            config: ConfigBag::base(),
        })))
    }
}

#[derive(Debug)]
struct Resolver<const READY: bool>(Issuer);

impl<const READY: bool> ResolveIdentity for Resolver<READY> {
    fn resolve_identity<'a>(
        &'a self,
        components: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            let token = self.0.token().await.ok_or("no token")?;
            let clock = components.time_source().ok_or("no clock")?;
            let end = Some(clock.now() + Duration::from_secs(3600));
            Ok(if READY {
                Identity::new(bearer(&token)?, end)
            } else {
                Identity::new(Token::new(token, end), end)
            })
        })
    }
}
