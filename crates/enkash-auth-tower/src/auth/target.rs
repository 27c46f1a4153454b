use std::{
    borrow::Cow,
    fmt::{self, Write},
    hash::{DefaultHasher, Hash, Hasher},
};

use enkash_auth_core::{Origin, is_token_path};
use http::Uri;

/// Describes where a request goes, in the form of its client.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Target<'a> {
    /// A URI, absolute or only a path.
    Uri(&'a Uri),
    /// An absolute http or https URL as the WHATWG's URL standard serializes it: host in lower case,
    /// no default port, a path of at least `/`. Reqwest's are.
    Url(&'a str),
}

impl<'a> Target<'a> {
    /// Returns whether the target is at `origin`.
    // Always: called for every request.
    #[inline(always)]
    pub(super) fn is_at(self, origin: &Origin) -> bool {
        match self {
            Self::Uri(uri) => origin.matches(uri),
            // Both are in canonical form, so no copy need be parsed.
            Self::Url(url) => is_below(url, origin),
        }
    }

    /// Returns whether a server may take its path for that of a token request.
    pub(super) fn is_token_path(&self) -> bool {
        is_token_path(self.path())
    }

    // Always: called for every request.
    #[inline(always)]
    pub(super) fn path(self) -> &'a str {
        match self {
            Self::Uri(uri) => uri.path(),
            Self::Url(url) => url_path(url),
        }
    }

    /// Returns whether it is only a path.
    pub(super) fn is_path(&self) -> bool {
        match self {
            Self::Uri(uri) => uri.authority().is_none() && uri.scheme().is_none(),
            Self::Url(_) => false,
        }
    }

    /// Returns scheme, host and port, if it has them.
    pub(super) fn origin(&self) -> Option<String> {
        let uri = match self {
            Self::Uri(uri) => (*uri).clone(),
            Self::Url(url) => Uri::try_from(*url).ok()?,
        };
        let (scheme, host) = (uri.scheme_str()?, uri.host()?);
        Some(match uri.port() {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        })
    }

    /// Returns hashes of the origin, and of the origin with the path. A target without an origin is at one of its
    /// own.
    pub(super) fn hashes(&self) -> (u64, u64) {
        let mut hasher = DefaultHasher::new();
        let uri = match self {
            Self::Uri(uri) => Cow::Borrowed(*uri),
            Self::Url(url) => Cow::Owned(url.parse().unwrap_or_default()),
        };
        // A default port is as good as none.
        let origin = Origin::try_from(&*uri).ok();
        origin.map(|origin| origin.to_string()).hash(&mut hasher);
        let origin = hasher.finish();
        uri.path().hash(&mut hasher);
        (origin, hasher.finish())
    }

    /// Returns the whole text. It may hold secrets.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Uri(uri) => uri.to_string(),
            Self::Url(url) => (*url).to_owned(),
        }
    }
}

/// Shows scheme, host and port; of a path nothing.
impl fmt::Debug for Target<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin().as_deref().unwrap_or("(no origin)"))
    }
}

/// Returns what follows the authority, without query and fragment.
#[inline(never)]
fn url_path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').and_then(|at| rest.get(at..));
    let path = path.unwrap_or_default();
    path.split(['?', '#']).next().unwrap_or_default()
}

/// Returns whether `url` is `origin` followed by a path.
#[inline(never)]
fn is_below(url: &str, origin: &Origin) -> bool {
    after(url, origin).is_some_and(|rest| rest.starts_with('/'))
}

/// Returns what follows `prefix`, as it is displayed, in `text`.
fn after(text: &str, prefix: impl fmt::Display) -> Option<&str> {
    let mut rest = Rest(text);
    write!(rest, "{prefix}").ok()?;
    Some(rest.0)
}

/// Strips what is written to it.
struct Rest<'a>(&'a str);

impl Write for Rest<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(piece).ok_or(fmt::Error)?;
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../tests/unit/target.rs"]
mod tests;
