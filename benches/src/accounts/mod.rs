//! Many accounts: the time of a hit, the heap of each, and the load of renewing their tokens.

mod heap;
mod hits;
mod renewals;

use std::convert::Infallible;

use bytes::Bytes;
use enkash_auth_core::{Client, Credentials, User};
use enkash_auth_tower::{Accounts, AccountsBuilder, BoxError, Environment, TokenServer, internal};
use http::Response;
use http_body_util::Full;
use tower::service_fn;

pub use self::{
    heap::bytes_per_account,
    hits::{calls, ways},
    renewals::{Load, load},
};

/// Returns the credentials of an account, as long as real ones.
fn credentials(id: u64) -> Credentials {
    let client = Client::new(CLIENT.0, CLIENT.1);
    Credentials::password(client, User::new(user(id), password(id))).company_id("CEK1GZBO6A")
}

const CLIENT: (&str, &str) = (
    "6f1c0a2e-8a51-4c1e-9f0b-3a7d5e2c4b18",
    "9b2f4c7d1e8a4f3bb6d05a7c2e9f1d34",
);

fn user(id: u64) -> String {
    format!("finance-{id:06}@merchant.example")
}

fn password(id: u64) -> String {
    format!("correct-{id:012}")
}

/// Creates a builder of accounts that share nothing with others of this process.
fn builder(server: TokenServer, accounts: u64) -> AccountsBuilder<u64> {
    Accounts::builder(
        server,
        |id| async move { Ok::<_, BoxError>(credentials(id)) },
    )
    .capacity(usize::try_from(accounts).unwrap_or(usize::MAX))
    .process(internal::Process::new())
}

/// Creates a server that grants the same `token` to all, for five minutes.
#[expect(clippy::expect_used, reason = "fixed settings, known to be good")]
fn server(token: &str) -> TokenServer {
    let body = format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":300}}"#);
    let body = Bytes::from(body);
    let service = service_fn(move |_| {
        let response = Response::new(Full::new(body.clone()));
        async { Ok::<_, Infallible>(response) }
    });
    TokenServer::with_service(Environment::Test, service).expect("an address")
}

/// Fetches the token of each of so many accounts.
#[expect(clippy::expect_used, reason = "a server that grants")]
async fn warm(all: &Accounts<u64>, accounts: u64) {
    for id in 0..accounts {
        let tokens = all.get(&id).expect("within the capacity");
        tokens.token().await.expect("a token");
    }
}
