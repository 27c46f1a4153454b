use super::Issuer;
use crate::accounts::Accounts;
use crate::clock::Clock;
use crate::rules::Rules;

/// Builds an [`Issuer`]; what is not set is as the documented server has it.
///
/// # Examples
///
/// ```
/// use std::time::UNIX_EPOCH;
///
/// use enkash_auth_sandbox::{Accounts, Clock, Issuer, Rules};
///
/// let issuer = Issuer::builder()
///     .accounts(Accounts::new().api_key("made-up"))
///     .rules(Rules::new().lock_after(None))
///     .clock(Clock::manual(UNIX_EPOCH))
///     .build();
/// # let _ = issuer;
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct IssuerBuilder {
    accounts: Accounts,
    rules: Rules,
    clock: Option<Clock>,
}

impl IssuerBuilder {
    /// The credentials to accept. Default: [`Accounts::new`].
    pub fn accounts(mut self, accounts: Accounts) -> Self {
        self.accounts = accounts;
        self
    }

    /// How to grant and answer. Default: [`Rules::new`].
    pub fn rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The clock to go by. Default: a [`Clock::real`] that starts now.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The issuer.
    #[must_use]
    pub fn build(self) -> Issuer {
        Issuer::new(self.accounts, self.rules, self.clock.unwrap_or_default())
    }
}
