use enkash_auth_core::AccountId;
use enkash_auth_tower::Principal;

/// The names under which things are kept. Those of an account share a hash tag, hence a slot.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
}

impl Keys {
    /// `None` where the prefix would spoil the hash tag.
    pub(crate) fn new(prefix: &str) -> Option<Self> {
        let is_usable = !prefix.is_empty() && !prefix.contains(['{', '}']);
        is_usable.then(|| Self {
            prefix: prefix.to_owned(),
        })
    }

    /// The record of attempts.
    pub(crate) fn ledger(&self, account: AccountId) -> String {
        self.of(account, "ledger")
    }

    /// A record that could not be read.
    pub(crate) fn bad(&self, account: AccountId) -> String {
        self.of(account, "bad")
    }

    /// The token of `principal`, told from those of other credentials under the ledger's salt.
    pub(crate) fn token(&self, principal: &Principal, salt: &[u8; 32]) -> String {
        let label = principal.label(salt);
        self.of(principal.account(), &format!("token:{label}"))
    }

    fn of(&self, account: AccountId, what: &str) -> String {
        format!("{}:{{{account:x}}}:{what}", self.prefix)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            prefix: "enkash-auth".to_owned(),
        }
    }
}
