use std::{error::Error, iter};

/// An error and what caused it, on one line.
///
/// # Examples
///
/// ```
/// use std::io::Error;
///
/// let error = Error::other(Error::other("no\nspace"));
/// assert_eq!(enkash_auth_examples::one_line(&error), "no space: no space");
/// ```
pub fn one_line(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(error.source(), |&error| error.source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    text.replace(['\r', '\n'], " ")
}
