use std::ffi::OsString;

use enkash_auth_core::{Error, ErrorKind};

/// In curl's order.
const PROXY: [&str; 4] = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const NO_PROXY: [&str; 2] = ["no_proxy", "NO_PROXY"];
const CA_FILE: &str = "ENKASH_CA_FILE";

/// The variables that are about the way out.
pub(super) struct Variables<F>(F);

impl<F> Variables<F>
where
    F: Fn(&str) -> Option<OsString>,
{
    pub(super) fn new(lookup: F) -> Self {
        Self(lookup)
    }

    /// The proxy, and the name of the variable that says so.
    pub(super) fn proxy(&self) -> Result<Option<(&'static str, String)>, Error> {
        self.first(&PROXY)
    }

    pub(super) fn no_proxy(&self) -> Result<Option<String>, Error> {
        Ok(self.first(&NO_PROXY)?.map(|(_, list)| list))
    }

    /// The path of the CA file, and the name of its variable. A path need not be UTF-8.
    pub(super) fn ca_file(&self) -> Option<(&'static str, OsString)> {
        let path = (self.0)(CA_FILE)?;
        let blank = path.to_str().is_some_and(|path| path.trim().is_empty());
        (!blank).then_some((CA_FILE, path))
    }

    fn first(
        &self,
        names: &'static [&'static str],
    ) -> Result<Option<(&'static str, String)>, Error> {
        for name in names {
            match (self.0)(name).map(OsString::into_string) {
                None => {}
                Some(Ok(value)) if value.trim().is_empty() => {}
                Some(Ok(value)) => return Ok(Some((name, value))),
                Some(Err(_)) => {
                    let detail = format!("{name}: it is not UTF-8");
                    return Err(Error::new(ErrorKind::InvalidSetting, detail));
                }
            }
        }
        Ok(None)
    }
}
