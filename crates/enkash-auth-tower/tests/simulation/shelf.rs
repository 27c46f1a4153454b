//! The store's side: the ledger of one account, and its tokens.

use std::fmt;

use enkash_auth_core::{
    AccountId, Bearer, Credentials, Fingerprint, Grant,
    lifetime::Lifetime,
    strikes::{Attempt, Bid, Ledger, Opening, Settlement},
};
use enkash_auth_tower::{Begin, Edition, Leave, Principal, Standing, StoredToken};

use crate::{
    clock::{Millis, true_moment},
    world::Who,
};

/// What tells this ledger from others.
pub(crate) const SALT: [u8; 32] = [7; 32];

/// What a replica wants of the store.
pub(crate) struct Order {
    pub(crate) principal: Principal,
    pub(crate) what: What,
}

pub(crate) enum What {
    Load,
    Begin(Bid, Option<Edition>),
    Finish(Attempt, Edition, Settlement, Option<Kept>),
    Reset,
}

pub(crate) enum Answer {
    Standing(Standing),
    Begin(Begin),
    Done,
}

/// A token by virtual time, as the clocks of two replicas have nothing in common.
#[derive(Clone)]
pub(crate) struct Kept {
    bearer: Bearer,
    sent: i64,
    lifetime: Lifetime,
}

pub(crate) struct Shelf {
    account: AccountId,
    pub(crate) ledger: Ledger,
    tokens: Vec<(Fingerprint, Edition, Kept)>,
}

impl Kept {
    pub(crate) fn new(who: &Who, grant: &Grant) -> Self {
        let lifetime = *grant.lifetime();
        Self {
            bearer: grant.bearer().clone(),
            sent: who.clock.virtual_at(lifetime.sent()),
            lifetime,
        }
    }

    fn told(&self, who: &Who, edition: Edition) -> StoredToken {
        let length = self.lifetime.length().unwrap_or_default();
        let sent = who.clock.moment(self.sent);
        let lifetime = Lifetime::kept(sent, length, self.lifetime.is_local());
        StoredToken::new(self.bearer.clone(), lifetime, edition)
    }
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let account = Credentials::merchant("any", "account")
            .account(&"https://issuer.example".parse().unwrap());
        Self {
            account,
            ledger: Ledger::new(SALT),
            tokens: Vec::new(),
        }
    }

    /// Does as it is told, in one step.
    pub(crate) fn execute(&mut self, who: &Who, order: &Order, at: Millis) -> Answer {
        let (mut ledger, now) = (self.ledger.clone(), true_moment(at));
        let principal = &order.principal;
        let key = principal.ledger_fingerprint(&[0; 32]);
        let answer = match &order.what {
            What::Load => Answer::Standing(self.standing(who, &ledger, key)),
            What::Begin(bid, known) => Answer::Begin(match self.token(who, key) {
                Some(token) if token.edition().is_news_to(*known) => Begin::Found(token),
                _ => match ledger.begin(principal.ledger_fingerprint(ledger.salt()), bid, now) {
                    Opening::Granted(attempt) => {
                        Begin::Granted(Leave::new(attempt, Edition::new(&ledger, &attempt)))
                    }
                    Opening::Busy => Begin::Busy,
                    Opening::Denied(error) => Begin::Denied(error),
                },
            }),
            What::Finish(attempt, edition, settlement, kept) => {
                let leave = Leave::new(*attempt, *edition);
                let is_known = leave.settle(&mut ledger, principal, *settlement, now);
                let held = self.tokens.iter().find(|(of, ..)| *of == key);
                let is_news = edition.is_news_to(held.map(|(_, edition, _)| *edition));
                if let Some(kept) = kept.as_ref().filter(|_| is_known && is_news) {
                    self.tokens.retain(|(of, ..)| *of != key);
                    self.tokens.push((key, *edition, kept.clone()));
                }
                Answer::Standing(self.standing(who, &ledger, key))
            }
            What::Reset => {
                ledger.reset(now);
                Answer::Done
            }
        };
        self.ledger = match &order.what {
            // As it will be read again: not each time, for a sum is taken of the text.
            What::Finish(_, _, Settlement::Rejected(_), _) => {
                let record = ledger.to_record(self.account);
                Ledger::from_record(self.account, &record).unwrap()
            }
            _ => ledger,
        };
        answer
    }

    fn token(&self, who: &Who, key: Fingerprint) -> Option<StoredToken> {
        let (_, edition, kept) = self.tokens.iter().find(|(of, ..)| *of == key)?;
        Some(kept.told(who, *edition))
    }

    fn standing(&self, who: &Who, ledger: &Ledger, key: Fingerprint) -> Standing {
        Standing::new(ledger, self.token(who, key))
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Load => f.write_str("load"),
            What::Begin(..) => f.write_str("begin"),
            What::Finish(attempt, _, settlement, _) => {
                write!(f, "finish #{} {settlement:?}", attempt.number())
            }
            What::Reset => f.write_str("reset"),
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standing(Standing { token, strikes }) => {
                let token = token.as_ref().map(|token| token.edition().parts().1);
                let (definite, possible) = (strikes.definite, strikes.possible);
                write!(f, "token {token:?}, strikes {definite} + {possible}?")
            }
            Self::Begin(Begin::Granted(leave)) => write!(f, "leave #{}", leave.attempt().number()),
            Self::Begin(Begin::Found(token)) => write!(f, "token {}", token.edition().parts().1),
            Self::Begin(Begin::Busy) => f.write_str("busy"),
            Self::Begin(Begin::Denied(error)) => write!(f, "denied: {error}"),
            Self::Done => f.write_str("done"),
        }
    }
}
