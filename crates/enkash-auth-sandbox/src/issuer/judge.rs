//! Who gets a token.

use super::attempt::{Attempt, FormGrant, GrantType, MerchantKeys};
use super::state::State;
use super::strikes::Account;
use super::tokens::{Grant, Owner};
use super::{Issuer, Refusal};
use crate::accounts::Accounts;
use crate::choices::Issuing;
use crate::clock::millis;

impl Issuer {
    /// Decides an attempt, and counts the verdict.
    pub(crate) fn judge(&self, attempt: Result<Attempt, Refusal>) -> Result<Grant, Refusal> {
        let now = self.clock().unix_ms();
        let mut state = self.lock();
        let verdict = match attempt {
            Ok(Attempt::Form(form)) => form_grant(self.accounts(), &mut state, form, now),
            Ok(Attempt::Merchant(keys)) => merchant_grant(self.accounts(), &mut state, keys, now),
            Err(refusal) => Err(refusal),
        };
        match &verdict {
            Ok(_) => state.counters.grants += 1,
            Err(_) => state.counters.rejections += 1,
        }
        verdict
    }
}

fn form_grant(
    accounts: &Accounts,
    state: &mut State,
    form: FormGrant,
    now: i64,
) -> Result<Grant, Refusal> {
    let account = match &form.grant_type {
        GrantType::Password { username, .. } if accounts.has_user(username) => {
            Some(Account::User(username.clone()))
        }
        _ => None,
    };
    let checked = check_form(accounts, form);
    settle(state, account, checked, now)
}

fn merchant_grant(
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
    } else if !accounts.is_merchant(&keys.access_key, &keys.secret_key) {
        Err(Refusal::WrongMerchant)
    } else {
        Ok(Owner {
            client: keys.access_key,
            user: None,
        })
    };
    settle(state, account, checked, now)
}

/// Whose token it is to be, in the order in which the real family checks: client, grant, user.
fn check_form(accounts: &Accounts, form: FormGrant) -> Result<Owner, Refusal> {
    let client = form.client.ok_or(Refusal::NoClient)?;
    if !accounts.is_client(&client.id, &client.secret) {
        return Err(Refusal::WrongClient);
    }
    if !accounts.allows_api_key(form.api_key.as_deref()) {
        return Err(Refusal::WrongApiKey);
    }
    match form.grant_type {
        GrantType::Absent => Err(Refusal::Malformed("Missing grant type")),
        GrantType::Other(name) => Err(Refusal::UnsupportedGrant(name)),
        GrantType::Password { .. } if !accounts.allows_company_id(form.company_id.as_deref()) => {
            Err(Refusal::Malformed("Missing or unknown clientId"))
        }
        GrantType::Password { username, password } => {
            if !accounts.is_user(&username, &password) {
                return Err(Refusal::WrongUser);
            }
            Ok(Owner {
                client: client.id,
                user: Some(username),
            })
        }
    }
}

/// The lock, the strikes and the token: what an attempt does to the account that it names.
fn settle(
    state: &mut State,
    account: Option<Account>,
    checked: Result<Owner, Refusal>,
    now: i64,
) -> Result<Grant, Refusal> {
    if let Some(account) = account {
        if state.strikes.is_locked(&account) {
            return Err(Refusal::Locked);
        }
        match &checked {
            Ok(_) => state.strikes.clear(&account),
            Err(refusal) if refusal.is_strike() => {
                state.strikes.strike(account, state.rules.lock_after);
            }
            Err(_) => {}
        }
    }
    checked.map(|owner| grant(state, owner, now))
}

fn grant(state: &mut State, owner: Owner, now: i64) -> Grant {
    let held = match state.rules.issuing {
        Issuing::Sticky => state.tokens.latest(&owner, now),
        Issuing::Rotating => None,
    };
    held.unwrap_or_else(|| {
        state.counters.minted += 1;
        let lifetime = millis(state.rules.lifetime);
        state.tokens.mint(owner, lifetime, now)
    })
}
