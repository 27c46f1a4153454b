use std::collections::HashMap;

use super::State;
use crate::accounts::{Account, Accounts};
use crate::attempt::{Attempt, Refusal};
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
    pub(super) fn attempt(&mut self, attempt: Attempt) -> Result<Grant, Refusal> {
        match attempt {
            Attempt::Form { client, fields } => {
                let client = self.client(client);
                self.form(client, fields)
            }
            Attempt::Merchant {
                access_key,
                secret_key,
            } => {
                let account = Account::Merchant(access_key.clone());
                let checked = if !self.accounts.allows_api_key(self.api_key) {
                    Err(Refusal::WrongApiKey)
                } else if self.accounts.secret(&account) == Some(&secret_key) {
                    Ok(access_key)
                } else {
                    Err(Refusal::WrongMerchant)
                };
                self.grant(account, checked)
            }
        }
    }

    /// Returns the id of the client, which is checked before anything that the form says.
    fn client(&self, client: Option<(String, String)>) -> Result<String, Refusal> {
        let (id, secret) = client.ok_or(Refusal::NoClient)?;
        if !self.accounts.is_client(&id, &secret) {
            Err(Refusal::WrongClient)
        } else if !self.accounts.allows_api_key(self.api_key) {
            Err(Refusal::WrongApiKey)
        } else {
            Ok(id)
        }
    }

    fn form(
        &mut self,
        client: Result<String, Refusal>,
        mut fields: HashMap<String, String>,
    ) -> Result<Grant, Refusal> {
        let mut field = |name| fields.remove(name);
        match field("grant_type") {
            Some(name) if name == "password" => {
                let account = Account::User(field("username").unwrap_or_default());
                let password = field("password").unwrap_or_default();
                let checked = client.and_then(|client| {
                    let company_id = field("clientId");
                    if !self.accounts.allows_company_id(company_id.as_deref()) {
                        Err(Refusal::Malformed("Missing or unknown clientId"))
                    } else if self.accounts.secret(&account) == Some(&password) {
                        Ok(client)
                    } else {
                        Err(Refusal::WrongUser)
                    }
                });
                self.grant(account, checked)
            }
            Some(name) if name == "refresh_token" => {
                self.refresh(&client?, field("refresh_token").unwrap_or_default())
            }
            Some(name) => client.and(Err(Refusal::UnsupportedGrant(name))),
            None => client.and(Err(Refusal::Malformed("Missing grant type"))),
        }
    }

    /// Grants a token to the account if the check of its credentials gave a client, and counts a
    /// strike against it if not. A locked account gets none.
    fn grant(
        &mut self,
        account: Account,
        checked: Result<String, Refusal>,
    ) -> Result<Grant, Refusal> {
        let strikes = &mut self.state.strikes;
        let client = match checked {
            Ok(_) | Err(Refusal::WrongUser | Refusal::WrongMerchant)
                if strikes.is_locked(&account) =>
            {
                return Err(Refusal::Locked);
            }
            Ok(client) => client,
            Err(refusal) => {
                let is_strike = matches!(
                    refusal,
                    Refusal::WrongClient | Refusal::WrongUser | Refusal::WrongMerchant
                );
                if is_strike && self.accounts.secret(&account).is_some() {
                    strikes.strike(account, self.state.rules.lock_after);
                }
                return Err(refusal);
            }
        };
        strikes.clear(&account);
        let owner = Owner { client, account };
        if self.state.rules.issuing == Issuing::Sticky
            && let Some(held) = self.state.tokens.latest(&owner, self.now)
        {
            return Ok(held);
        }
        let has_refresh = self.state.rules.refresh != Refresh::Off;
        let refresh = has_refresh.then(|| self.new_refresh_token());
        Ok(self.mint(owner, refresh))
    }

    /// Grants a new token in place of the one that was granted with the refresh token: that one
    /// ends at once.
    fn refresh(&mut self, client: &str, token: String) -> Result<Grant, Refusal> {
        if self.state.rules.refresh == Refresh::Off {
            return Err(Refusal::UnsupportedGrant("refresh_token".to_owned()));
        }
        let known = self.state.tokens.refresh_token(&token).cloned();
        let known = known.filter(|it| it.expires_at > self.now && it.owner.client == client);
        let Some(known) = known else {
            return Err(Refusal::WrongRefreshToken(token));
        };
        if self.state.strikes.is_locked(&known.owner.account) {
            return Err(Refusal::Locked);
        }
        self.state.tokens.redeem(&token);
        self.state.counters.refreshes += 1;
        let refresh = match self.state.rules.refresh {
            Refresh::Rotated => self.new_refresh_token(),
            Refresh::Reused | Refresh::Off => (token, known.expires_at),
        };
        Ok(self.mint(known.owner, Some(refresh)))
    }

    fn mint(&mut self, owner: Owner, refresh: Option<(String, i64)>) -> Grant {
        let lifetime = millis(self.state.rules.lifetime);
        self.state.counters.minted += 1;
        self.state.tokens.mint(owner, lifetime, refresh, self.now)
    }

    /// Returns the text of a refresh token, and its end.
    fn new_refresh_token(&self) -> (String, i64) {
        let lifetime = millis(self.state.rules.refresh_lifetime);
        (random_text(), self.now.saturating_add(lifetime))
    }
}
