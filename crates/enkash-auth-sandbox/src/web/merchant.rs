//! The JSON dialect: an access key and a secret key.

use http::HeaderMap;
use serde::Deserialize;

use super::token::api_key;
use crate::issuer::{MerchantKeys, Refusal};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    access_key: String,
    secret_key: String,
}

pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> Result<MerchantKeys, Refusal> {
    let body: Body = serde_json::from_slice(body)
        .map_err(|_| Refusal::Malformed("accessKey and secretKey are required, as JSON"))?;
    Ok(MerchantKeys {
        api_key: api_key(headers),
        access_key: body.access_key,
        secret_key: body.secret_key,
    })
}
