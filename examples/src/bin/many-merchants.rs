//! Payouts for many merchants, each with an EnKash account of its own.
//!
//! ```sh
//! cargo run -p enkash-auth-examples --bin many-merchants
//! ```
//!
//! Their keys are in SQLite, sealed by `MERCHANTS_KEY` (32 bytes in base64; by a new key if it is not set). The key
//! of merchant 2 is wrong, and corrected while the service runs; merchant 3 is unknown.

use std::{env, io, io::Write};

use axum::{Router, extract::Path, http::Request, routing::post};
use base64::{Engine, prelude::BASE64_STANDARD};
use chacha20poly1305::aead::{Aead, Generate, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use enkash_auth_axum::{Problem, health};
use enkash_auth_sandbox::{Issuer, Sandbox};
use enkash_auth_tower::{
    Accounts, BoxError, Credentials, EnkashAuthLayer, Environment, RequestView, TokenServer,
};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use rusqlite::Connection;
use tokio::{net::TcpListener, task::spawn_blocking};
use tower::{Layer, ServiceExt};

#[derive(Clone, Copy, Eq, Hash, PartialEq)]
struct Merchant(i64);

/// In memory, as long as a connection is open. In a service, the path of a file.
const DATABASE: &str = "file:merchants?mode=memory&cache=shared";

/// Writes keys, sealed for their merchant: the row of another cannot be opened in its place.
fn write(cipher: &XChaCha20Poly1305, merchant: i64, keys: [&str; 2]) -> Result<(), BoxError> {
    let nonce = XNonce::generate();
    let (msg, aad) = (&serde_json::to_vec(&keys)?, &merchant.to_be_bytes());
    let sealed = cipher.encrypt(&nonce, Payload { msg, aad })?;
    let row = (merchant, &nonce[..], sealed);
    Connection::open(DATABASE)?.execute("REPLACE INTO merchants VALUES (?1, ?2, ?3)", row)?;
    Ok(())
}

/// Reads and opens keys. This is rare: at first, and after a rejection.
fn read(cipher: &XChaCha20Poly1305, merchant: i64) -> Result<Credentials, BoxError> {
    let query = "SELECT nonce, sealed FROM merchants WHERE id = ?1";
    let (nonce, msg): ([u8; 24], Vec<u8>) =
        Connection::open(DATABASE)?.query_row(query, [merchant], |row| row.try_into())?;
    let (msg, aad) = (&msg, &merchant.to_be_bytes());
    let keys = cipher.decrypt(&nonce.into(), Payload { msg, aad })?;
    let [access, secret]: [String; 2] = serde_json::from_slice(&keys)?;
    Ok(Credentials::merchant(access, secret))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let accounts = enkash_auth_sandbox::Accounts::new().merchant("key-2", "secret-2");
    let issuer = Issuer::builder().accounts(accounts).build();
    let sandbox = Sandbox::builder().issuer(issuer).start().await?;
    let database = Connection::open(DATABASE)?;
    database.execute("CREATE TABLE merchants (id PRIMARY KEY, nonce, sealed)", [])?;
    let cipher = XChaCha20Poly1305::new(&match env::var("MERCHANTS_KEY") {
        Ok(key) => Key::try_from(&BASE64_STANDARD.decode(key)?[..])?,
        Err(_) => Key::generate(),
    });
    write(&cipher, 1, ["access-key", "secret-key"])?;
    write(&cipher, 2, ["key-2", "wrong"])?;

    let server = TokenServer::new(Environment::custom(&sandbox.base_url())?)?.for_merchants()?;
    let source = cipher.clone();
    let accounts = Accounts::builder(server, move |Merchant(id)| {
        let cipher = source.clone();
        async move { spawn_blocking(move || read(&cipher, id)).await? }
    });
    let accounts = accounts.build();
    let merchant = |request: &mut RequestView<'_>| request.extension::<Merchant>().copied();
    let client = Client::builder(TokioExecutor::new()).build_http::<String>();
    let api = EnkashAuthLayer::per_account(accounts.clone(), merchant).layer(client.clone());
    let url = format!("{}/api/v0/payouts", sandbox.base_url());
    let pay = async move |Path(id): Path<i64>, order: String| {
        let mut request = Request::post(url).body(order).map_err(BoxError::from)?;
        request.extensions_mut().insert(Merchant(id));
        Ok::<_, Problem>(api.oneshot(request).await?.status())
    };
    let app = Router::new().route("/payouts/{id}", post(pay));
    let app = app.merge(health::router(accounts.clone()));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/payouts", listener.local_addr()?);
    tokio::spawn(async { axum::serve(listener, app).await });

    for id in [1, 2, 3, 1, 2] {
        let order = Request::post(format!("{url}/{id}")).body("amount=100".to_owned())?;
        let status = client.request(order).await?.status();
        let failing = accounts.troubled(9).len();
        writeln!(io::stdout(), "merchant {id}: {status}, failing: {failing}")?;
        if id == 3 {
            write(&cipher, 2, ["key-2", "secret-2"])?;
            accounts.credentials_changed(&Merchant(2)).await?;
        }
    }
    Ok(())
}
