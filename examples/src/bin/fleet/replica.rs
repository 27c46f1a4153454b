use std::io::{self, Write};

use axum::Router;
use enkash_auth_axum::Proxy;
use enkash_auth_core::{Client, Credentials, Environment, User};
use enkash_auth_redis::RedisStore;
use enkash_auth_tower::{BoxError, TokenCache, TokenEndpoint};
use tokio::net::TcpListener;

/// Serves a proxy with a token cache over the store at `redis`. Prints its address.
pub(crate) async fn serve(base: &str, redis: &str) -> Result<(), BoxError> {
    // The credentials that the sandbox accepts.
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let endpoint = TokenEndpoint::new(Environment::custom(base)?, credentials)?;
    let upstream = endpoint.base_url().origin().clone();
    let tokens = TokenCache::builder(endpoint)
        .store(RedisStore::new(redis)?)
        .build();
    let app = Router::new().fallback_service(Proxy::builder(tokens, upstream).build()?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    Ok(axum::serve(listener, app).await?)
}
