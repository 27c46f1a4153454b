use enkash_auth_core::AccessToken;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, InvalidHeaderValue},
};

/// The header of the Payment Gateway that holds the access key of the merchant keys.
const ACCESS_KEY: HeaderName = HeaderName::from_static("merchantaccesskey");

/// The header of cards, rewards and gifts.
const PARTNER_ID: HeaderName = HeaderName::from_static("partnerid");

/// Selects what precedes the token in `Authorization`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Scheme {
    /// `Bearer` (RFC 6750 section 2.1), as nearly all of EnKash's pages show it.
    #[default]
    Bearer,
    /// Nothing: the token alone, which a client of the Payment Gateway sends.
    None,
}

/// Holds which headers a call carries beside the token, and in which form it carries that.
#[derive(Clone, Debug, Default)]
pub struct CallHeaders {
    scheme: Scheme,
    omits_access_key: bool,
    others: Vec<(HeaderName, HeaderValue)>,
}

impl CallHeaders {
    pub fn set_scheme(&mut self, scheme: Scheme) {
        self.scheme = scheme;
    }

    pub fn set_partner_id(&mut self, id: &str) -> Result<(), InvalidHeaderValue> {
        self.set(PARTNER_ID, HeaderValue::from_str(id)?);
        Ok(())
    }

    /// Sets a header, in place of one of the same name. Its value is marked sensitive, but for the partner id.
    pub fn set(&mut self, name: HeaderName, mut value: HeaderValue) {
        value.set_sensitive(value.is_sensitive() || name != PARTNER_ID);
        self.others.retain(|(other, _)| *other != name);
        self.others.push((name, value));
    }

    pub fn omit_access_key(&mut self) {
        self.omits_access_key = true;
    }

    /// Returns whether a call carries `Authorization: Bearer …` and nothing else, given whether its credentials have
    /// an access key.
    pub fn are_plain(&self, has_access_key: bool) -> bool {
        self.scheme == Scheme::Bearer
            && self.others.is_empty()
            && (self.omits_access_key || !has_access_key)
    }

    /// Inserts the headers of a call with `token`, in place of the caller's own.
    pub fn insert(
        &self,
        headers: &mut HeaderMap,
        token: &AccessToken,
        access_key: Option<HeaderValue>,
    ) {
        if let Some(key) = access_key.filter(|_| !self.omits_access_key) {
            headers.insert(ACCESS_KEY, key);
        }
        for (name, value) in &self.others {
            headers.insert(name, value.clone());
        }
        let value = match self.scheme {
            Scheme::Bearer => token.header().clone(),
            Scheme::None => token.bare_header(),
        };
        // Last: no other replaces it.
        headers.insert(AUTHORIZATION, value);
    }
}
