//! google-cloud-auth: user credentials, with the issuer on a port as token server.

use std::sync::{Mutex, PoisonError};

use enkash_auth_benches::issuer::Issuer;
use google_cloud_auth::credentials::{
    CacheableResource, Credentials, EntityTag, user_account::Builder,
};
use http::{Extensions, HeaderValue, header::AUTHORIZATION};
use tower::BoxError;

use crate::{
    loopback,
    peer::{Cold, Peer, warmed},
};

/// Requests the headers for each request.
#[derive(Clone, Debug)]
pub(crate) struct Google(Credentials);

impl Peer for Google {
    const NAME: &'static str = "google-cloud-auth";

    async fn warm() -> Result<Self, BoxError> {
        warmed().await
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        match self.0.headers(Extensions::new()).await? {
            CacheableResource::New { mut data, .. } => {
                Ok(data.remove(AUTHORIZATION).ok_or("no header")?)
            }
            CacheableResource::NotModified => Err("no tag was given".into()),
        }
    }
}

impl Cold for Google {
    fn cold(issuer: &Issuer) -> Result<Self, BoxError> {
        Ok(Self(user(issuer)?.build()?))
    }
}

fn user(issuer: &Issuer) -> Result<Builder, BoxError> {
    // The client of the peer requires a TLS provider, though nothing here is encrypted. Fails if one is
    // already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let user = serde_json::json!({
        "type": "authorized_user",
        "client_id": "client-id",
        "client_secret": "client-secret",
        "refresh_token": "refresh-token",
    });
    Ok(Builder::new(user).with_token_uri(loopback::serve(issuer)?))
}

/// The headers cached by each thread while their entity tag is valid.
#[derive(Debug)]
pub(crate) struct Tagged {
    credentials: Credentials,
    held: Mutex<Option<(EntityTag, HeaderValue)>>,
}

impl Clone for Tagged {
    fn clone(&self) -> Self {
        Self {
            credentials: self.credentials.clone(),
            held: Mutex::default(),
        }
    }
}

impl Peer for Tagged {
    const NAME: &'static str = "google-cloud-auth-tagged";

    async fn warm() -> Result<Self, BoxError> {
        let Google(credentials) = warmed().await?;
        let held = Mutex::default();
        Ok(Self { credentials, held })
    }

    async fn header(&self) -> Result<HeaderValue, BoxError> {
        let held = || self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut extensions, mut header) = (Extensions::new(), None);
        if let Some((tag, held)) = &*held() {
            extensions.insert(tag.clone());
            header = Some(held.clone());
        }
        if let CacheableResource::New {
            entity_tag,
            mut data,
        } = self.credentials.headers(extensions).await?
        {
            let new = data.remove(AUTHORIZATION).ok_or("no header")?;
            *held() = Some((entity_tag, new.clone()));
            header = Some(new);
        }
        Ok(header.ok_or("no header")?)
    }
}
