//! The token as a middleware of `reqwest-middleware`.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin reqwest-middleware
//! ```
//!
//! It starts two servers that behave like EnKash's on loopback ports, and calls the first: with a token, with one that
//! was revoked, and with the next. A call to the second is an error.
//!
//! The layer does more: it replays a call whose token was rejected, and declines token requests. It goes around such a
//! client, too: `EnkashAuthLayer::new(tokens).layer(client)`.

use std::io::{self, Write};

use enkash_auth_sandbox::Sandbox;
use enkash_auth_tower::{
    BoxError, Client, Credentials, Environment, Error as TokenError, ErrorKind, Origin, TokenCache,
    TokenEndpoint, User,
};
use http::{Extensions, StatusCode, Uri, header::AUTHORIZATION};
use reqwest::{Request, Response, redirect};
use reqwest_middleware::{ClientBuilder, Error, Middleware, Next};

struct Token {
    tokens: TokenCache,
    /// The only one that may see a token.
    origin: Origin,
}

#[async_trait::async_trait]
impl Middleware for Token {
    async fn handle(
        &self,
        mut request: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response, Error> {
        let target: Uri = request.url().as_str().parse().map_err(Error::middleware)?;
        if !self.origin.matches(&target) {
            let blocked = TokenError::new(ErrorKind::ForeignOrigin, "");
            return Err(Error::middleware(blocked));
        }
        let token = self.tokens.token().await.map_err(Error::middleware)?;
        let header = token.header().clone();
        request.headers_mut().insert(AUTHORIZATION, header);
        let response = next.run(request, extensions).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.tokens.reject(&token);
        }
        Ok(response)
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let (sandbox, other) = (Sandbox::start().await?, Sandbox::start().await?);
    let credentials = Credentials::password(
        Client::new("client-id", "client-secret"),
        User::new("user@example.com", "password"),
    );
    let environment = Environment::custom(&sandbox.base_url())?;
    let tokens = TokenCache::new(TokenEndpoint::new(environment, credentials)?);

    let client = reqwest::Client::builder()
        // It would follow them below the middleware, which looks at the first hop alone.
        .redirect(redirect::Policy::none())
        // Both servers are on this machine.
        .no_proxy()
        .build()?;
    let origin = sandbox.base_url().parse()?;
    let client = ClientBuilder::new(client)
        .with(Token { tokens, origin })
        .build();

    let mut out = io::stdout();
    let url = format!("{}/api/v0/cards", sandbox.base_url());
    let response = client.get(&url).send().await?;
    writeln!(out, "a call: {}", response.status())?;
    sandbox.issuer().revoke_all();
    let response = client.get(&url).send().await?;
    writeln!(out, "the token was revoked: {}", response.status())?;
    let response = client.get(&url).send().await?;
    writeln!(out, "the next call: {}", response.status())?;
    if let Err(error) = client.get(other.base_url()).send().await {
        writeln!(out, "to another origin: {error}")?;
    }
    let seen = other.issuer().counters().api_calls;
    writeln!(out, "calls that the other origin saw: {seen}")?;
    Ok(())
}
