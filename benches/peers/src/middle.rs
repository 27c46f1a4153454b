//! Its authorizer of client credentials, whose header is always at hand: it fetches the first token
//! when it is built, so that no storm ever meets it cold.

use std::{sync::Arc, time::Duration};

use enkash_auth_benches::{
    hot::{Factory, kept},
    issuer::Issuer,
};
use middle::{Authorizer, BasicClientCredentialAuthorizer};
use url::Url;

use crate::{
    service::{AtHand, block_on},
    token_server,
};

#[expect(
    clippy::expect_used,
    reason = "a socket of the loopback, and an issuer that grants"
)]
pub(crate) fn factory() -> Factory {
    let server = token_server::serve(Issuer::granting(Duration::ZERO)).expect("a socket");
    let server: Url = server.parse().expect("an address");
    let building = BasicClientCredentialAuthorizer::basic_builder("client-id", "secret", server);
    let authorizer = Arc::new(block_on(building.build()).expect("a token"));
    Box::new(move || {
        let authorizer = Arc::clone(&authorizer);
        kept(AtHand(move || {
            let header = authorizer.authorization_header().ok()?;
            Some((*header).clone())
        }))
    })
}
