//! A token request as the issuer sees it, whatever it looked like on the wire.

/// One attempt to get a token.
pub(crate) enum Attempt {
    /// The form dialect.
    Form(FormGrant),
    /// The JSON dialect.
    Merchant(MerchantKeys),
}

/// A request in the form dialect.
pub(crate) struct FormGrant {
    pub(crate) api_key: Option<String>,
    pub(crate) client: Option<BasicAuth>,
    pub(crate) company_id: Option<String>,
    pub(crate) grant_type: GrantType,
}

/// A request in the JSON dialect.
pub(crate) struct MerchantKeys {
    pub(crate) api_key: Option<String>,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

/// What HTTP Basic carried.
pub(crate) struct BasicAuth {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// The `grant_type` of a form, with the fields that belong to it.
pub(crate) enum GrantType {
    Absent,
    Password { username: String, password: String },
    Refresh { token: String },
    Other(String),
}
