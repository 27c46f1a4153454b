use std::{error::Error, iter};

/// Formats an error and its causes on one line.
///
/// # Examples
///
/// ```
/// use enkash_auth_sidecar::one_line;
/// use enkash_auth_tower::{Error, ErrorKind};
///
/// let error = Error::new(ErrorKind::Unavailable, "status 503").with_source(std::fmt::Error);
/// let line = one_line(&error);
/// assert_eq!(line, format!("{error}: {}", std::fmt::Error));
/// ```
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.replace(['\r', '\n'], " ")
}
