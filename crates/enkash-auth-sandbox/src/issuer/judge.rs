//! Who gets a token.

use super::attempt::{Attempt, FormGrant, GrantType, MerchantKeys};
use super::grant;
use super::state::State;
use super::strikes::Account;
use super::tokens::{Grant, Owner};
use super::{Issuer, Refusal};
use crate::accounts::Accounts;

impl Issuer {
    /// Decides an attempt, and counts the verdict.
    pub(crate) fn judge(&self, attempt: Result<Attempt, Refusal>) -> Result<Grant, Refusal> {
        let now = self.clock().unix_ms();
        let mut state = self.lock();
        let verdict = match attempt {
            Ok(Attempt::Form(form)) => judge_form(self.accounts(), &mut state, form, now),
            Ok(Attempt::Merchant(keys)) => judge_merchant(self.accounts(), &mut state, keys, now),
            Err(refusal) => Err(refusal),
        };
        match &verdict {
            Ok(_) => state.counters.grants += 1,
            Err(_) => state.counters.rejections += 1,
        }
        verdict
    }
}

fn judge_form(
    accounts: &Accounts,
    state: &mut State,
    form: FormGrant,
    now: i64,
) -> Result<Grant, Refusal> {
    let client = check_client(accounts, &form);
    match form.grant_type {
        GrantType::Password { username, password } => {
            let account = accounts
                .has_user(&username)
                .then(|| Account::User(username.clone()));
            let checked = client.and_then(|client| {
                if !accounts.allows_company_id(form.company_id.as_deref()) {
                    Err(Refusal::Malformed("Missing or unknown clientId"))
                } else if accounts.is_user(&username, &password) {
                    Ok(Owner::user(client, username))
                } else {
                    Err(Refusal::WrongUser)
                }
            });
            let owner = settle(state, account, checked)?;
            Ok(grant::by_password(state, owner, now))
        }
        GrantType::Refresh { token } => grant::by_refresh_token(state, &client?, token, now),
        GrantType::Other(name) => client.and(Err(Refusal::UnsupportedGrant(name))),
        GrantType::Absent => client.and(Err(Refusal::Malformed("Missing grant type"))),
    }
}

fn judge_merchant(
    accounts: &Accounts,
    state: &mut State,
    keys: MerchantKeys,
    now: i64,
) -> Result<Grant, Refusal> {
    let account = accounts
        .has_merchant(&keys.access_key)
        .then(|| Account::Merchant(keys.access_key.clone()));
    let checked = if !accounts.allows_api_key(keys.api_key.as_deref()) {
        Err(Refusal::WrongApiKey)
    } else if accounts.is_merchant(&keys.access_key, &keys.secret_key) {
        Ok(Owner::merchant(keys.access_key))
    } else {
        Err(Refusal::WrongMerchant)
    };
    let owner = settle(state, account, checked)?;
    Ok(grant::by_password(state, owner, now))
}

/// The id of the client, which is checked before anything that the form says.
fn check_client(accounts: &Accounts, form: &FormGrant) -> Result<String, Refusal> {
    let client = form.client.as_ref().ok_or(Refusal::NoClient)?;
    if !accounts.is_client(&client.id, &client.secret) {
        Err(Refusal::WrongClient)
    } else if !accounts.allows_api_key(form.api_key.as_deref()) {
        Err(Refusal::WrongApiKey)
    } else {
        Ok(client.id.clone())
    }
}

/// What an attempt does to the account that it names, and the account's lock to the attempt.
fn settle(
    state: &mut State,
    account: Option<Account>,
    checked: Result<Owner, Refusal>,
) -> Result<Owner, Refusal> {
    let Some(account) = account else {
        return checked;
    };
    match checked {
        Ok(_) | Err(Refusal::WrongUser | Refusal::WrongMerchant)
            if state.strikes.is_locked(&account) =>
        {
            Err(Refusal::Locked)
        }
        Ok(owner) => {
            state.strikes.clear(&account);
            Ok(owner)
        }
        Err(refusal) => {
            if refusal.is_strike() {
                state.strikes.strike(account, state.rules.lock_after);
            }
            Err(refusal)
        }
    }
}
