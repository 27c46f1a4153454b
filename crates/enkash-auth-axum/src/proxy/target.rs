use enkash_auth_tower::core::{Error, ErrorKind, Origin};
use http::{
    HeaderValue, Uri,
    uri::{Authority, PathAndQuery, Scheme},
};

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Target {
    scheme: Scheme,
    authority: Authority,
    host: HeaderValue,
}

impl Target {
    pub(super) fn new(upstream: &Origin) -> Result<Self, Error> {
        let no_address = || Error::new(ErrorKind::InvalidSetting, "upstream: it is no address");
        let parts = Uri::try_from(upstream.to_string())
            .map_err(|error| no_address().with_source(error))?
            .into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err(no_address());
        };
        let host = HeaderValue::from_str(authority.as_str())
            .map_err(|error| no_address().with_source(error))?;
        Ok(Self {
            scheme,
            authority,
            host,
        })
    }

    /// The value of the `Host` header.
    pub(super) fn host(&self) -> &HeaderValue {
        &self.host
    }

    /// Path and query of `requested` at the upstream. Whatever else the request line says is not
    /// looked at; nothing for what has no path: `*`, and a host alone.
    pub(super) fn address(&self, requested: &Uri) -> Option<Uri> {
        let requested = requested.path_and_query()?;
        let path_and_query: PathAndQuery = match requested.as_str() {
            path if path.starts_with('/') => requested.clone(),
            // As in `http://host?query`.
            query if query.starts_with('?') => format!("/{query}").parse().ok()?,
            _ => return None,
        };
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path_and_query)
            .build()
            .ok()
    }
}
