use std::collections::HashMap;

use super::State;
use crate::accounts::{Account, Accounts};
use crate::attempt::{Attempt, Rejection};
use crate::clock::millis;
use crate::rules::{Issuing, Refresh};
use crate::tokens::{Grant, Owner, random_text};

/// Decides one attempt.
pub(super) struct Judge<'a> {
    pub(super) accounts: &'a Accounts,
    pub(super) state: &'a mut State,
    pub(super) api_key: Option<&'a str>,
    pub(super) now: i64,
}

impl Judge<'_> {
    pub(super) fn attempt(&mut self, attempt: Attempt) -> Result<Grant, Rejection> {
        match attempt {
            Attempt::Form { client, fields } => {
                let client = self.client(client);
                self.form(client, fields)
            }
            Attempt::Merchant(keys) => {
                let account = Account::Merchant(keys.access_key.clone());
                let checked = if !self.accounts.allows_api_key(self.api_key) {
                    Err(Rejection::WrongApiKey)
                } else if self.accounts.secret(&account) == Some(&keys.secret_key) {
                    Ok(keys.access_key)
                } else {
                    Err(Rejection::WrongMerchant)
                };
                self.grant(account, checked)
            }
        }
    }

    /// Returns the id of the client, which is checked before the fields of the form.
    fn client(&self, client: Option<(String, String)>) -> Result<String, Rejection> {
        let (id, secret) = client.ok_or(Rejection::NoClient)?;
        if !self.accounts.is_client(&id, &secret) {
            Err(Rejection::WrongClient)
        } else if !self.accounts.allows_api_key(self.api_key) {
            Err(Rejection::WrongApiKey)
        } else {
            Ok(id)
        }
    }

    fn form(
        &mut self,
        client: Result<String, Rejection>,
        mut fields: HashMap<String, String>,
    ) -> Result<Grant, Rejection> {
        let mut field = |name| fields.remove(name);
        match field("grant_type") {
            Some(name) if name == "password" => {
                let account = Account::User(field("username").unwrap_or_default());
                let password = field("password").unwrap_or_default();
                let checked = client.and_then(|client| {
                    let company_id = field("clientId");
                    if !self.accounts.allows_company_id(company_id.as_deref()) {
                        Err(Rejection::Malformed("Missing or unknown clientId"))
                    } else if self.accounts.secret(&account) == Some(&password) {
                        Ok(client)
                    } else {
                        Err(Rejection::WrongUser)
                    }
                });
                self.grant(account, checked)
            }
            Some(name) if name == "refresh_token" => {
                self.refresh(&client?, field("refresh_token").unwrap_or_default())
            }
            Some(name) => client.and(Err(Rejection::UnsupportedGrant(name))),
            None => client.and(Err(Rejection::Malformed("Missing grant type"))),
        }
    }

    /// Grants a token if the credentials were valid for a client, and counts a strike against the
    /// account if not. A locked account gets no token.
    fn grant(
        &mut self,
        account: Account,
        checked: Result<String, Rejection>,
    ) -> Result<Grant, Rejection> {
        let strikes = &mut self.state.strikes;
        let client = match checked {
            Ok(_) | Err(Rejection::WrongUser | Rejection::WrongMerchant)
                if strikes.is_locked(&account) =>
            {
                return Err(Rejection::Locked);
            }
            Ok(client) => client,
            Err(rejection) => {
                let is_strike = matches!(
                    rejection,
                    Rejection::WrongClient | Rejection::WrongUser | Rejection::WrongMerchant
                );
                if is_strike && self.accounts.secret(&account).is_some() {
                    strikes.strike(account, self.state.rules.lock_after);
                }
                return Err(rejection);
            }
        };
        strikes.clear(&account);
        let owner = Owner { client, account };
        if self.state.rules.issuing == Issuing::Reusing
            && let Some(grant) = self.state.tokens.latest(&owner, self.now)
        {
            return Ok(grant);
        }
        let has_refresh = self.state.rules.refresh != Refresh::Off;
        let refresh = has_refresh.then(|| self.new_refresh_token());
        Ok(self.mint(owner, refresh))
    }

    /// Grants a new token and revokes the one that was granted with the refresh token.
    fn refresh(&mut self, client: &str, token: String) -> Result<Grant, Rejection> {
        if self.state.rules.refresh == Refresh::Off {
            return Err(Rejection::UnsupportedGrant("refresh_token".to_owned()));
        }
        let grant = self.state.tokens.refresh_token(&token).cloned();
        let grant = grant.filter(|it| it.expires_at > self.now && it.owner.client == client);
        let Some(grant) = grant else {
            return Err(Rejection::WrongRefreshToken(token));
        };
        if self.state.strikes.is_locked(&grant.owner.account) {
            return Err(Rejection::Locked);
        }
        self.state.tokens.redeem(&token);
        self.state.counters.refreshes += 1;
        let refresh = match self.state.rules.refresh {
            Refresh::Rotated => self.new_refresh_token(),
            Refresh::Reused | Refresh::Off => (token, grant.expires_at),
        };
        Ok(self.mint(grant.owner, Some(refresh)))
    }

    fn mint(&mut self, owner: Owner, refresh: Option<(String, i64)>) -> Grant {
        let lifetime = millis(self.state.rules.lifetime);
        self.state.counters.minted += 1;
        self.state.tokens.mint(owner, lifetime, refresh, self.now)
    }

    /// Returns the text of a refresh token, and its expiry.
    fn new_refresh_token(&self) -> (String, i64) {
        let lifetime = millis(self.state.rules.refresh_lifetime);
        (random_text(), self.now.saturating_add(lifetime))
    }
}
