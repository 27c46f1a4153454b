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

#[cfg(test)]
mod tests {
    use super::*;

    fn address(requested: &str) -> Option<String> {
        let upstream: Origin = "https://api.enkash.in".parse().unwrap();
        let target = Target::new(&upstream).unwrap();
        let uri: Uri = requested.parse().unwrap();
        target.address(&uri).map(|uri| {
            assert_eq!(uri.authority().unwrap(), "api.enkash.in");
            assert_eq!(uri.scheme_str(), Some("https"));
            uri.path_and_query().unwrap().to_string()
        })
    }

    #[test]
    fn only_path_and_query_are_taken() {
        for (requested, expected) in [
            ("/", "/"),
            ("/a/b?c=d&e", "/a/b?c=d&e"),
            ("/a?", "/a?"),
            ("//evil.example/a", "//evil.example/a"),
            ("/@evil.example/a", "/@evil.example/a"),
            ("/\\evil.example", "/\\evil.example"),
            ("/%2e%2e/a%2Fb", "/%2e%2e/a%2Fb"),
            ("http://evil.example/a?b", "/a?b"),
            ("http://user:pass@evil.example:81//a", "//a"),
            ("http://evil.example", "/"),
            ("http://evil.example?b", "/?b"),
        ] {
            assert_eq!(address(requested).as_deref(), Some(expected), "{requested}");
        }
    }

    #[test]
    fn what_is_no_path_goes_nowhere() {
        assert_eq!(address("*"), None);
        assert_eq!(address("elsewhere.example"), None);
        assert_eq!(address("elsewhere.example:443"), None);
    }

    #[test]
    fn the_host_is_the_upstreams_with_its_port() {
        let upstream: Origin = "http://127.0.0.1:4010".parse().unwrap();
        let target = Target::new(&upstream).unwrap();
        assert_eq!(target.host(), "127.0.0.1:4010");
    }
}
