//! The valid tokens. Times are Unix milliseconds by the issuer's clock.

use std::collections::HashMap;
use std::iter;

use crate::accounts::Account;

/// Expired tokens are removed when a table has grown to this many, and then to twice as many as
/// remained.
const FIRST_SWEEP: usize = 1024;

/// A granted token at the time of the grant.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) owner: Owner,
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) expires_at: i64,
    /// Remaining milliseconds; negative once expired.
    pub(crate) left: i64,
    /// The whole lifetime in milliseconds.
    pub(crate) lifetime: i64,
}

/// The owner of a token. The client of a merchant is its access key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) client: String,
    pub(crate) account: Account,
}

/// A valid refresh token.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) owner: Owner,
    pub(crate) expires_at: i64,
    /// The last access token that was granted with it.
    access: String,
}

#[derive(Debug, Default)]
pub(crate) struct Tokens {
    access: HashMap<String, Grant>,
    refresh: HashMap<String, RefreshToken>,
    /// The latest token of each owner.
    latest: HashMap<Owner, String>,
    /// How many tokens remained after the last sweep.
    left: usize,
}

impl Tokens {
    /// Returns the owner's latest token, if it is valid at `now`.
    pub(crate) fn latest(&self, owner: &Owner, now: i64) -> Option<Grant> {
        let grant = self.access.get(self.latest.get(owner)?)?;
        (grant.expires_at > now).then(|| Grant {
            left: grant.expires_at - now,
            ..grant.clone()
        })
    }

    /// Mints a token that lives `lifetime` milliseconds, with its refresh token and the expiry of that.
    pub(crate) fn mint(
        &mut self,
        owner: Owner,
        lifetime: i64,
        refresh: Option<(String, i64)>,
        now: i64,
    ) -> Grant {
        self.sweep(now);
        let grant = Grant {
            owner: owner.clone(),
            access: random_text(),
            refresh: refresh.as_ref().map(|(text, _)| text.clone()),
            expires_at: now.saturating_add(lifetime),
            left: lifetime,
            lifetime,
        };
        self.access.insert(grant.access.clone(), grant.clone());
        if let Some((text, expires_at)) = refresh {
            let refresh = RefreshToken {
                owner: owner.clone(),
                expires_at,
                access: grant.access.clone(),
            };
            self.refresh.insert(text, refresh);
        }
        self.latest.insert(owner, grant.access.clone());
        grant
    }

    pub(crate) fn refresh_token(&self, text: &str) -> Option<&RefreshToken> {
        self.refresh.get(text)
    }

    /// Removes a refresh token and revokes the access token that was granted with it.
    pub(crate) fn redeem(&mut self, text: &str) {
        if let Some(refresh) = self.refresh.remove(text) {
            self.access.remove(&refresh.access);
        }
    }

    /// Returns the account of a valid access token, `age` milliseconds after its issue at the earliest; the
    /// error says why it is not valid.
    pub(crate) fn check(&self, text: &str, now: i64, age: i64) -> Result<&Account, &'static str> {
        match self.access.get(text) {
            Some(grant) if grant.expires_at <= now => Err("Access token expired"),
            Some(grant) if now - (grant.expires_at - grant.lifetime) >= age => {
                Ok(&grant.owner.account)
            }
            _ => Err("Invalid access token"),
        }
    }

    /// Revokes one access token; returns whether it was valid.
    pub(crate) fn revoke(&mut self, text: &str, now: i64) -> bool {
        let revoked = self.access.remove(text);
        revoked.is_some_and(|grant| grant.expires_at > now)
    }

    /// Revokes all access and refresh tokens; returns how many access tokens were valid.
    pub(crate) fn revoke_all(&mut self, now: i64) -> usize {
        let alive = self.alive(now);
        *self = Self::default();
        alive
    }

    pub(crate) fn alive(&self, now: i64) -> usize {
        let is_alive = |grant: &&Grant| grant.expires_at > now;
        self.access.values().filter(is_alive).count()
    }

    fn sweep(&mut self, now: i64) {
        let limit = FIRST_SWEEP.max(self.left.saturating_mul(2));
        if self.access.len().max(self.refresh.len()) >= limit {
            self.access.retain(|_, grant| grant.expires_at > now);
            self.refresh.retain(|_, token| token.expires_at > now);
            self.latest.retain(|_, text| self.access.contains_key(text));
            self.left = self.access.len().max(self.refresh.len());
        }
    }
}

/// Returns an opaque token as in the samples: 27 URL-safe characters.
pub(crate) fn random_text() -> String {
    iter::repeat_with(fastrand::alphanumeric).take(27).collect()
}
