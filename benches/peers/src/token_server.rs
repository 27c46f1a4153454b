//! An issuer behind a socket of the loopback, for those who take nothing but an address.

use std::net::TcpListener;

use axum::{Router, body::Body};
use enkash_auth_benches::issuer::Issuer;
use tower::BoxError;

/// Serves `issuer` at the address that it returns, for as long as the runtime lives.
pub(crate) fn serve(issuer: Issuer) -> Result<String, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let answer = move || {
        let issuer = issuer.clone();
        async move {
            let Ok(mut answer) = issuer.answer().await;
            let json = http::HeaderValue::from_static("application/json");
            answer
                .headers_mut()
                .insert(http::header::CONTENT_TYPE, json);
            answer.map(Body::new)
        }
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    Ok(format!("http://{address}/token"))
}
