//! The tokens that are alive.

use std::collections::HashMap;

/// Tokens that are over are swept out when a table has grown to this many, and to twice as many as
/// were left then.
const FIRST_SWEEP: usize = 1024;

/// To whom a token belongs: a client and, unless it is a merchant, its user.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    pub(crate) client: String,
    pub(crate) user: Option<String>,
}

impl Owner {
    pub(crate) fn user(client: String, user: String) -> Self {
        Self {
            client,
            user: Some(user),
        }
    }

    pub(crate) fn merchant(access_key: String) -> Self {
        Self {
            client: access_key,
            user: None,
        }
    }
}

/// A granted token, as it stands at the moment of the grant.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    /// Unix milliseconds, by the issuer's clock.
    pub(crate) expires_at: i64,
    /// Milliseconds left; negative when it is over.
    pub(crate) left: i64,
    /// Milliseconds that it lives in all.
    pub(crate) lifetime: i64,
}

/// What a bearer token is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    Valid,
    Expired,
    Unknown,
}

#[derive(Debug)]
pub(crate) struct Tokens {
    access: HashMap<String, Access>,
    refresh: HashMap<String, RefreshToken>,
    /// The token of each owner that was minted last.
    latest: HashMap<Owner, String>,
    sweep_at: usize,
}

#[derive(Debug)]
struct Access {
    refresh: Option<String>,
    expires_at: i64,
    lifetime: i64,
}

/// What a refresh token is good for.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) owner: Owner,
    pub(crate) expires_at: i64,
    /// The access token that was granted with it last.
    access: String,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        Self {
            access: HashMap::new(),
            refresh: HashMap::new(),
            latest: HashMap::new(),
            sweep_at: FIRST_SWEEP,
        }
    }

    /// The owner's latest token, if it is still alive at `now`.
    pub(crate) fn latest(&self, owner: &Owner, now: i64) -> Option<Grant> {
        let text = self.latest.get(owner)?;
        let access = self.access.get(text).filter(|it| it.expires_at > now)?;
        Some(Grant {
            access: text.clone(),
            refresh: access.refresh.clone(),
            expires_at: access.expires_at,
            left: access.expires_at.saturating_sub(now),
            lifetime: access.lifetime,
        })
    }

    /// Mints a token that lives `lifetime` milliseconds, with the refresh token that it is to have.
    pub(crate) fn mint(
        &mut self,
        owner: Owner,
        lifetime: i64,
        refresh: Option<(String, i64)>,
        now: i64,
    ) -> Grant {
        self.sweep(now);
        let grant = Grant {
            access: random_text(),
            refresh: refresh.as_ref().map(|(text, _)| text.clone()),
            expires_at: now.saturating_add(lifetime),
            left: lifetime,
            lifetime,
        };
        let access = Access {
            refresh: grant.refresh.clone(),
            expires_at: grant.expires_at,
            lifetime,
        };
        self.access.insert(grant.access.clone(), access);
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

    /// Takes a refresh token out and ends the access token that was granted with it.
    pub(crate) fn redeem(&mut self, text: &str) {
        if let Some(refresh) = self.refresh.remove(text) {
            self.access.remove(&refresh.access);
        }
    }

    pub(crate) fn bearer(&self, text: &str, now: i64) -> Bearer {
        match self.access.get(text) {
            Some(access) if access.expires_at > now => Bearer::Valid,
            Some(_) => Bearer::Expired,
            None => Bearer::Unknown,
        }
    }

    /// Forgets one access token; says whether it was alive.
    pub(crate) fn revoke(&mut self, text: &str, now: i64) -> bool {
        self.access
            .remove(text)
            .is_some_and(|it| it.expires_at > now)
    }

    /// Forgets every token, also those for refreshing; says how many access tokens were alive.
    pub(crate) fn revoke_all(&mut self, now: i64) -> usize {
        let alive = self.alive(now);
        *self = Self::new();
        alive
    }

    pub(crate) fn alive(&self, now: i64) -> usize {
        self.access
            .values()
            .filter(|it| it.expires_at > now)
            .count()
    }

    fn sweep(&mut self, now: i64) {
        if self.access.len().max(self.refresh.len()) >= self.sweep_at {
            self.access.retain(|_, it| it.expires_at > now);
            self.refresh.retain(|_, it| it.expires_at > now);
            self.latest.retain(|_, text| self.access.contains_key(text));
            let left = self.access.len().max(self.refresh.len());
            self.sweep_at = FIRST_SWEEP.max(left.saturating_mul(2));
        }
    }
}

/// Opaque text as the samples show it: 27 characters that are safe in a URL.
pub(crate) fn random_text() -> String {
    std::iter::repeat_with(fastrand::alphanumeric)
        .take(27)
        .collect()
}
