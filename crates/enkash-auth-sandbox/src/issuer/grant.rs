//! Grants, once it is clear to whom.

use super::Refusal;
use super::state::State;
use super::strikes::Account;
use super::tokens::{Grant, Owner, random_text};
use crate::choices::{Issuing, Refresh};
use crate::clock::millis;

/// A token for an owner who proved to be one: the one that is there, or another.
pub(crate) fn by_password(state: &mut State, owner: Owner, now: i64) -> Grant {
    let held = match state.rules.issuing {
        Issuing::Sticky => state.tokens.latest(&owner, now),
        Issuing::Rotating => None,
    };
    held.unwrap_or_else(|| {
        let refresh = match state.rules.refresh {
            Refresh::Off => None,
            Refresh::Reused | Refresh::Rotated => Some(new_refresh_token(state, now)),
        };
        mint(state, owner, refresh, now)
    })
}

/// A new token in place of the one that was granted with the refresh token: that one ends at once.
pub(crate) fn by_refresh_token(
    state: &mut State,
    client: &str,
    token: String,
    now: i64,
) -> Result<Grant, Refusal> {
    if state.rules.refresh == Refresh::Off {
        return Err(Refusal::UnsupportedGrant("refresh_token".to_owned()));
    }
    let Some(known) = state.tokens.refresh_token(&token).cloned() else {
        return Err(Refusal::WrongRefreshToken(token));
    };
    if known.expires_at <= now || known.owner.client != client {
        return Err(Refusal::WrongRefreshToken(token));
    }
    if let Some(user) = &known.owner.user
        && state.strikes.is_locked(&Account::User(user.clone()))
    {
        return Err(Refusal::Locked);
    }
    state.tokens.redeem(&token);
    state.counters.refreshes += 1;
    let refresh = match state.rules.refresh {
        Refresh::Rotated => new_refresh_token(state, now),
        Refresh::Reused | Refresh::Off => (token, known.expires_at),
    };
    Ok(mint(state, known.owner, Some(refresh), now))
}

fn mint(state: &mut State, owner: Owner, refresh: Option<(String, i64)>, now: i64) -> Grant {
    state.counters.minted += 1;
    let lifetime = millis(state.rules.lifetime);
    state.tokens.mint(owner, lifetime, refresh, now)
}

/// The text of a refresh token, and its end.
fn new_refresh_token(state: &State, now: i64) -> (String, i64) {
    let lifetime = millis(state.rules.refresh_lifetime);
    (random_text(), now.saturating_add(lifetime))
}
