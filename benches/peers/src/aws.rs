//! The lazy cache of identities, asked as an operation of the SDK asks it before it signs.

use std::{fmt, sync::Arc, time::Duration};

use aws_smithy_async::{
    rt::sleep::TokioSleep,
    time::{SystemTimeSource, TimeSource},
};
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::{
    identity::{
        Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache,
        SharedIdentityResolver, http::Token,
    },
    runtime_components::{RuntimeComponents, RuntimeComponentsBuilder},
};
use aws_smithy_types::config_bag::ConfigBag;
use enkash_auth_benches::{
    hot::{Factory, kept},
    issuer::Issuer,
    storm::Cache,
};
use tower::BoxError;

use crate::service::{Awaiting, bearer, block_on};

#[derive(Debug)]
struct Resolver(Issuer);

impl ResolveIdentity for Resolver {
    fn resolve_identity<'a>(
        &'a self,
        _: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async {
            let token = self.0.token().await.ok_or("not now")?;
            let end = SystemTimeSource::new().now() + Duration::from_secs(3600);
            Ok(Identity::new(Token::new(token, Some(end)), Some(end)))
        })
    }
}

#[derive(Clone)]
pub(crate) struct Aws(Arc<Inner>);

struct Inner {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl Aws {
    async fn identity(&self) -> Result<Identity, BoxError> {
        let Inner {
            cache,
            resolver,
            components,
            config,
        } = &*self.0;
        cache
            .resolve_cached_identity(resolver.clone(), components, config)
            .await
    }
}

impl Cache for Aws {
    const NAME: &'static str = "aws-smithy-runtime";

    #[expect(clippy::expect_used, reason = "all that it needs is there")]
    fn cold(issuer: &Issuer) -> Self {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_sleep_impl(Some(TokioSleep::new()))
            .with_time_source(Some(SystemTimeSource::new()))
            .build()
            .expect("components");
        Self(Arc::new(Inner {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(Resolver(issuer.clone())),
            components,
            config: ConfigBag::base(),
        }))
    }

    async fn ask(&self) -> bool {
        self.identity().await.is_ok()
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aws")
    }
}

pub(crate) fn factory() -> Factory {
    let cache = Aws::cold(&Issuer::granting(Duration::ZERO));
    block_on(cache.ask());
    Box::new(move || {
        let cache = cache.clone();
        kept(Awaiting(move || {
            let cache = cache.clone();
            async move {
                let identity = cache.identity().await?;
                bearer(identity.data::<Token>().ok_or("no token")?.token())
            }
        }))
    })
}
