use std::fmt;

use secrecy::SecretString;
use zeroize::Zeroizing;

/// Names the program, as EnKash registered it.
#[derive(Clone)]
pub struct Client {
    pub(crate) id: Box<str>,
    pub(crate) secret: SecretString,
}

impl Client {
    /// Creates a client with the id and the secret that EnKash sent.
    pub fn new(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self {
            id: id.into().into(),
            secret: self::secret(secret),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Names the user for which the program acts.
#[derive(Clone)]
pub struct User {
    pub(crate) name: Box<str>,
    pub(crate) password: SecretString,
}

impl User {
    /// Creates a user with the name and the password of its EnKash login.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            name: name.into().into(),
            password: secret(password),
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Copies a secret without the one line end that editors and shells append. The copy has exactly its length:
/// shrinking the given text in place would leave a copy behind.
pub fn secret(text: impl Into<String>) -> SecretString {
    let text = Zeroizing::new(text.into());
    let line = text
        .strip_suffix('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line));
    SecretString::from(line.unwrap_or(&text))
}
