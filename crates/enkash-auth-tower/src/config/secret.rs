use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{Config, ConfigError, error::Problem};

/// Limits a secret, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Holds a secret, or a file that holds it, and their keys.
pub struct Secret<'a> {
    key: &'static str,
    value: Option<&'a SecretString>,
    file_key: &'static str,
    file: Option<&'a Path>,
}

impl<'a> Secret<'a> {
    pub fn new(
        [key, file_key]: [&'static str; 2],
        value: Option<&'a SecretString>,
        file: Option<&'a Path>,
    ) -> Self {
        Self {
            key,
            value,
            file_key,
            file,
        }
    }

    /// Returns which of the two keys is set.
    pub fn set(&self) -> Option<&'static str> {
        let value = self.value.map(|_| self.key);
        value.or(self.file.map(|_| self.file_key))
    }

    /// Returns the error of a secret that cannot be used.
    pub fn unusable(&self, why: &str, config: &Config) -> ConfigError {
        let key = self.set().unwrap_or(self.key);
        config.error(key, Problem::Unusable(why.to_owned()))
    }

    pub fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// Returns the secret without one trailing line end; `None` if neither it nor a file is set.
    pub fn read(&self, config: &Config) -> Result<Option<Zeroizing<String>>, ConfigError> {
        let text = match (self.value, self.file) {
            (Some(_), Some(_)) => {
                let problem = Problem::Contradicts(config.name(self.key));
                return Err(config.error(self.file_key, problem));
            }
            (Some(value), None) => Zeroizing::new(value.expose_secret().to_owned()),
            (None, Some(file)) => read(file)
                .map_err(|error| config.error(self.file_key, Problem::Unreadable(error)))?,
            (None, None) => return Ok(None),
        };
        let text = self.clean(&text, config)?;
        if text.trim().is_empty() {
            return Err(self.unusable("the file is empty", config));
        }
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    /// Strips the one line end that editors and shells append.
    fn clean<'t>(&self, text: &'t str, config: &Config) -> Result<&'t str, ConfigError> {
        let line = text
            .strip_suffix('\n')
            .map(|line| line.strip_suffix('\r').unwrap_or(line));
        let text = line.unwrap_or(text);
        if text.contains(['\r', '\n', '\0', '\u{feff}']) {
            let why = "it has a line end, NUL or a byte order mark in it";
            return Err(self.unusable(why, config));
        }
        Ok(text)
    }

    pub fn required(&self, config: &Config) -> Result<Zeroizing<String>, ConfigError> {
        self.read(config)?
            .ok_or_else(|| config.error(self.key, Problem::NotSet))
    }
}

/// Reads the whole file: a part of it is never taken for the whole.
fn read(file: &Path) -> io::Result<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::with_capacity(4096));
    let mut file = File::open(file)?.take(LONGEST);
    file.read_to_string(&mut text)?;
    if file.limit() == 0 {
        let why = format!("it is {LONGEST} bytes long or longer");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(text)
}
