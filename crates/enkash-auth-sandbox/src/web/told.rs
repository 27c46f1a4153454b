use std::borrow::Cow;

use http::StatusCode;

use crate::issuer::Refusal;

/// A refusal in the words of the real family.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: Cow<'static, str>,
}

impl Told {
    /// 401: the client was not recognised.
    fn unauthorized(error: &'static str, description: &'static str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error,
            description: description.into(),
        }
    }

    /// 400: the client was, and what it asked for is not to be had.
    fn bad_request(error: &'static str, description: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
        }
    }
}

impl From<&Refusal> for Told {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NoClient => Self::unauthorized(
                "unauthorized",
                "Full authentication is required to access this resource",
            ),
            Refusal::WrongClient => Self::unauthorized("invalid_client", "Bad client credentials"),
            Refusal::WrongApiKey => Self::unauthorized("unauthorized", "Invalid API key"),
            Refusal::WrongMerchant => {
                Self::unauthorized("invalid_client", "Invalid access key or secret key")
            }
            Refusal::WrongUser => Self::bad_request("invalid_grant", "Bad credentials"),
            Refusal::Locked => Self::bad_request("invalid_grant", "User account is locked"),
            Refusal::WrongRefreshToken(token) => {
                Self::bad_request("invalid_grant", format!("Invalid refresh token: {token}"))
            }
            Refusal::Malformed(what) => Self::bad_request("invalid_request", *what),
            Refusal::UnsupportedGrant(name) => Self::bad_request(
                "unsupported_grant_type",
                format!("Unsupported grant type: {name}"),
            ),
        }
    }
}
