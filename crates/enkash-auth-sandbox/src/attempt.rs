use std::borrow::Cow;
use std::collections::HashMap;

use http::StatusCode;
use serde::Deserialize;

/// A token request in either dialect.
pub(crate) enum Attempt {
    /// The form dialect.
    Form {
        /// Id and secret, from HTTP Basic.
        client: Option<(String, String)>,
        fields: HashMap<String, String>,
    },
    /// The JSON dialect.
    Merchant(Keys),
}

/// The body of the JSON dialect.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

/// Why an attempt was rejected.
#[derive(Debug)]
pub(crate) enum Rejection {
    /// HTTP Basic is absent or malformed.
    NoClient,
    /// The client or its secret is wrong.
    WrongClient,
    /// The `API-Key` header is required and absent or wrong.
    WrongApiKey,
    /// The password of a user is wrong, or the user unknown.
    WrongUser,
    /// The secret key of a merchant is wrong, or the access key unknown.
    WrongMerchant,
    /// The refresh token is unknown, expired, or another client's.
    WrongRefreshToken(String),
    /// Too many consecutive rejections.
    Locked,
    /// The request is malformed, for this reason.
    Malformed(&'static str),
    /// The grant type is not supported.
    UnsupportedGrant(String),
}

impl Rejection {
    /// Returns the status, `error` and `error_description` as the real server family words them. A 401
    /// concerns the client, a 400 the request.
    pub(crate) fn words(&self) -> (StatusCode, &'static str, Cow<'static, str>) {
        let of_client = |error, text: &'static str| (StatusCode::UNAUTHORIZED, error, text.into());
        let of_request = |error, text| (StatusCode::BAD_REQUEST, error, text);
        match self {
            Self::NoClient => of_client(
                "unauthorized",
                "Full authentication is required to access this resource",
            ),
            Self::WrongClient => of_client("invalid_client", "Bad client credentials"),
            Self::WrongApiKey => of_client("unauthorized", "Invalid API key"),
            Self::WrongMerchant => of_client("invalid_client", "Invalid access key or secret key"),
            Self::WrongUser => of_request("invalid_grant", "Bad credentials".into()),
            Self::Locked => of_request("invalid_grant", "User account is locked".into()),
            Self::WrongRefreshToken(token) => of_request(
                "invalid_grant",
                format!("Invalid refresh token: {token}").into(),
            ),
            Self::Malformed(what) => of_request("invalid_request", (*what).into()),
            Self::UnsupportedGrant(name) => of_request(
                "unsupported_grant_type",
                format!("Unsupported grant type: {name}").into(),
            ),
        }
    }
}
