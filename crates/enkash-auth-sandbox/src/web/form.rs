//! The form dialect: HTTP Basic and `application/x-www-form-urlencoded`.

use std::collections::HashMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE};

use super::token::api_key;
use crate::issuer::{BasicAuth, FormGrant, GrantType};

pub(crate) fn read(headers: &HeaderMap, body: &[u8]) -> FormGrant {
    let mut fields = if is_form(headers) {
        form_urlencoded::parse(body).into_owned().collect()
    } else {
        // Another type of body has no fields, for a servlet.
        HashMap::new()
    };
    FormGrant {
        api_key: api_key(headers),
        client: basic(headers),
        company_id: fields.remove("clientId"),
        grant_type: match fields.remove("grant_type") {
            None => GrantType::Absent,
            Some(name) if name == "password" => GrantType::Password {
                username: fields.remove("username").unwrap_or_default(),
                password: fields.remove("password").unwrap_or_default(),
            },
            Some(name) if name == "refresh_token" => GrantType::Refresh {
                token: fields.remove("refresh_token").unwrap_or_default(),
            },
            Some(name) => GrantType::Other(name),
        },
    }
}

fn is_form(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let essence = value.and_then(|it| it.split(';').next()).map(str::trim);
    essence.is_some_and(|it| it.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// HTTP Basic as it is: what stands around the first colon, and no URL decoding.
fn basic(headers: &HeaderMap) -> Option<BasicAuth> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(encoded.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some(BasicAuth {
        id: id.to_owned(),
        secret: secret.to_owned(),
    })
}
