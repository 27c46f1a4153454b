use std::collections::BTreeSet;

use tokio::time::Instant;

/// One account.
pub(super) struct Merchant {
    /// That the server accepts.
    pub(super) password: u32,
    /// That of the database.
    pub(super) known: u32,
    pub(super) failures: u32,
    /// How many requests without a response may have been counted. No success says so.
    pub(super) lost: usize,
    /// When the responses were read of those that may have been counted, or were. A success that was sent before does
    /// not say so.
    pub(super) counted: Vec<Instant>,
    /// The passwords that each process has read to be rejected.
    pub(super) rejected: [BTreeSet<u32>; 2],
    /// Those that a response may have rejected.
    pub(super) guessed: BTreeSet<u32>,
    pub(super) newest: Option<usize>,
    /// The merchants whose credentials the database has returned in place of those of this one.
    pub(super) mistaken: BTreeSet<usize>,
}

impl Merchant {
    pub(super) fn new() -> Self {
        Self {
            password: 0,
            known: 0,
            failures: 0,
            lost: 0,
            counted: Vec::new(),
            rejected: Default::default(),
            guessed: BTreeSet::new(),
            newest: None,
            mistaken: BTreeSet::new(),
        }
    }

    /// An operator unlocks the account.
    pub(super) fn unlock(&mut self) {
        self.failures = 0;
    }

    /// Returns a password that was never one, or the newest.
    pub(super) fn next(&self) -> u32 {
        match self.password.max(self.known) {
            newest if self.password == self.known => newest + 1,
            newest => newest,
        }
    }

    /// Returns whether an account may be closed: two attempts may count, or the password was rejected.
    pub(super) fn may_be_closed(&self) -> bool {
        let mut rejected = self.rejected.iter().chain([&self.guessed]);
        self.lost + self.counted.len() >= 2
            || rejected.any(|passwords| passwords.contains(&self.password))
    }
}
