//! The token request as a value, in both dialects of the platform.

use std::{borrow::Cow, fmt};

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use form_urlencoded::Serializer;
use http::{
    HeaderValue, Method, Request, Uri,
    header::{ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    BaseUrl, Client, Credentials, InvalidSetting, User, credentials::GrantType, token_path,
};

/// Holds a request for a token, ready to be sent.
///
/// Password credentials make a form with HTTP Basic, `POST {base}/oauth/token`; merchant keys make
/// JSON, `POST {base}/api/v0/merchant/token`. The body is wiped when its last copy is dropped.
pub struct TokenRequest(Request<Bytes>);

impl TokenRequest {
    /// Creates the request that asks the server at `base` for a token with `credentials`.
    ///
    /// # Errors
    ///
    /// If the credentials cannot be sent, naming the setting: an empty one, a secret that contains CR, LF, NUL
    /// or U+FEFF, a client id with a colon (RFC 7617), an API key that is not a header value, a form field
    /// without a name, with merchant keys or with a name that the request sets itself.
    pub fn new(base: &BaseUrl, credentials: &Credentials) -> Result<Self, InvalidSetting> {
        let body = match &credentials.grant {
            GrantType::Password { user, .. } => form(credentials, user),
            GrantType::Merchant {
                access_key,
                secret_key,
            } => json(credentials, access_key, secret_key),
        }?;
        let (path, content_type) = dialect(credentials);
        let mut request = Request::new(Bytes::from_owner(Zeroizing::new(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = base.join(path)?;
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let GrantType::Password { client, .. } = &credentials.grant {
            headers.insert(AUTHORIZATION, basic(client)?);
        }
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        headers.insert(USER_AGENT, user_agent());
        if let Some(key) = &credentials.api_key {
            let value = sensitive(required("API key", key)?.as_bytes())
                .ok_or_else(|| invalid("API key: not a valid header value"))?;
            headers.insert("api-key", value);
        }
        Ok(Self(request))
    }

    /// Creates a request that only checks whether the server at `base` responds: a `HEAD` of the path that
    /// [`new`](Self::new) would post `credentials` to, without them and without a body.
    ///
    /// # Errors
    ///
    /// If the address becomes too long.
    pub fn probe(base: &BaseUrl, credentials: &Credentials) -> Result<Self, InvalidSetting> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = Method::HEAD;
        *request.uri_mut() = base.join(dialect(credentials).0)?;
        request.headers_mut().insert(USER_AGENT, user_agent());
        Ok(Self(request))
    }

    /// Returns where it is sent.
    pub fn target(&self) -> &Uri {
        self.0.uri()
    }

    /// Converts it into a value of the `http` crate. Its body holds the password: do not print it.
    pub fn into_http(self) -> Request<Bytes> {
        self.0
    }
}

impl fmt::Debug for TokenRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRequest")
            .field("uri", self.0.uri())
            .finish_non_exhaustive()
    }
}

fn user_agent() -> HeaderValue {
    HeaderValue::from_static(concat!("enkash-auth/", env!("CARGO_PKG_VERSION")))
}

/// Returns the path of token requests, and the content type of their bodies.
fn dialect(credentials: &Credentials) -> (&'static str, &'static str) {
    match credentials.is_merchant() {
        true => (token_path::MERCHANT, "application/json"),
        false => (token_path::FORM, "application/x-www-form-urlencoded"),
    }
}

fn form(credentials: &Credentials, user: &User) -> Result<Vec<u8>, InvalidSetting> {
    // Room for every byte escaped: a buffer that grows leaves copies behind.
    let bytes: usize = credentials.sent().map(|part| part.len() + 2).sum();
    let mut form = Serializer::new(String::with_capacity(64 + 3 * bytes));
    form.append_pair("grant_type", "password")
        .append_pair("username", named("username", &user.name)?)
        .append_pair("password", required("password", &user.password)?);
    if let Some(company) = &credentials.company_id {
        form.append_pair("clientId", named("company id", company)?);
    }
    for (name, value) in &credentials.form_fields {
        if name.is_empty() {
            return Err(invalid("form field: its name is empty"));
        }
        if ["grant_type", "username", "password", "clientId"].contains(&name.as_str()) {
            let why = "the request sets it itself";
            return Err(invalid(format!("form field {name:?}: {why}")));
        }
        form.append_pair(name, clean(&format!("form field {name:?}"), value)?);
    }
    Ok(form.finish().into_bytes())
}

/// The body with merchant keys.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keys<'a> {
    access_key: &'a str,
    secret_key: &'a str,
}

fn json(
    credentials: &Credentials,
    access_key: &SecretString,
    secret_key: &SecretString,
) -> Result<Vec<u8>, InvalidSetting> {
    if let Some((name, _)) = credentials.form_fields.first() {
        let why = "merchant keys are sent as JSON";
        return Err(invalid(format!("form field {name:?}: {why}")));
    }
    if credentials.company_id.is_some() {
        return Err(invalid("company id: merchant keys are sent without one"));
    }
    let keys = Keys {
        access_key: required("access key", access_key)?,
        secret_key: required("secret key", secret_key)?,
    };
    // Room for every byte escaped: a buffer that grows leaves copies behind.
    let bytes = keys.access_key.len() + keys.secret_key.len();
    let mut json = Vec::with_capacity(64 + 6 * bytes);
    serde_json::to_writer(&mut json, &keys)
        .map_err(|error| invalid("merchant keys: not valid in JSON").with_source(error))?;
    Ok(json)
}

/// Returns HTTP Basic of the raw values, as in RFC 7617; RFC 6749 would URL-encode them first, which this
/// platform does not decode.
fn basic(client: &Client) -> Result<HeaderValue, InvalidSetting> {
    let id = named("client id", &client.id)?;
    if id.contains(':') {
        return Err(invalid("client id: it has a colon"));
    }
    let secret = required("client secret", &client.secret)?;
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
    let value = Zeroizing::new(["Basic ", &*encoded].concat());
    sensitive(value.as_bytes()).ok_or_else(|| invalid("client secret: not a valid header value"))
}

fn sensitive(value: &[u8]) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_bytes(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn named<'a>(setting: &str, value: &'a str) -> Result<&'a str, InvalidSetting> {
    if value.is_empty() {
        return Err(invalid(format!("{setting}: it is empty")));
    }
    Ok(value)
}

fn required<'a>(setting: &str, value: &'a SecretString) -> Result<&'a str, InvalidSetting> {
    named(setting, clean(setting, value)?)
}

/// Rejects characters that stem from files and forms, not keyboards: sent, they would cost an attempt.
fn clean<'a>(setting: &str, value: &'a SecretString) -> Result<&'a str, InvalidSetting> {
    let value = value.expose_secret();
    if value.contains(['\r', '\n', '\0', '\u{feff}']) {
        let why = "it has a line end, NUL or a byte order mark in it";
        return Err(invalid(format!("{setting}: {why}")));
    }
    Ok(value)
}

fn invalid(detail: impl Into<Cow<'static, str>>) -> InvalidSetting {
    InvalidSetting::new(detail)
}
