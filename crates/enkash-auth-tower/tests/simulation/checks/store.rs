//! What passes between a process and the store.

use enkash_auth_core::strikes::{Attempt, Settlement};
use enkash_auth_tower::{Begin, Edition, Leave, StoredToken};

use super::{Checks, Permit, Process};
use crate::{
    clock::Millis,
    shelf::{Answer, Order, SALT, What},
    world::Who,
};

/// Whether an attempt is one that the store has a record of: others have numbers of their own.
fn is_own(edition: Edition) -> bool {
    edition.parts().0 == SALT[..8]
}

impl Checks {
    pub(super) fn violated(&mut self, what: String) {
        self.violation.get_or_insert(what);
    }

    pub(super) fn process(&mut self, who: &Who) -> &mut Process {
        self.processes.entry(who.process).or_default()
    }

    /// A process has got a token from the store.
    pub(crate) fn learned(&mut self, who: &Who, token: &Option<StoredToken>) {
        self.process(who).has_token |= token.is_some();
    }

    /// A process asks for leave.
    pub(crate) fn asked(&mut self, who: &Who, at: Millis) {
        self.process(who).asked_at.push(at);
    }

    /// A process has an answer to what it asked at that time.
    pub(crate) fn told(&mut self, who: &Who, asked_at: Millis) {
        self.process(who)
            .asked_at
            .retain(|asked| *asked != asked_at);
    }

    /// A process has got leave.
    pub(crate) fn received(&mut self, who: &Who, attempt: Attempt) {
        let (begun, end) = self.leases[&attempt.number()];
        self.process(who).leave = Some(Permit {
            attempt: attempt.number(),
            is_proven: attempt.is_proven(),
            begun,
            end,
        });
    }

    /// A process knows how an attempt went.
    pub(crate) fn settled(&mut self, who: &Who, leave: &Leave) {
        let attempt = leave.attempt();
        if !is_own(leave.edition()) {
            return;
        }
        let leave = &mut self.process(who).leave;
        leave.take_if(|leave| leave.attempt == attempt.number());
    }

    /// The store has not answered a process.
    pub(crate) fn store_failed(&mut self, who: &Who, is_finish: bool, at: Millis) {
        let process = self.process(who);
        process.failed_at = Some(at);
        if is_finish && let Some(password) = process.password {
            self.excused.insert(password);
        }
    }

    /// The store has done as it was told.
    pub(crate) fn executed(&mut self, order: &Order, answer: &Answer, at: Millis) {
        match (&order.what, answer) {
            (What::Begin(bid, _), Answer::Begin(Begin::Granted(leave))) => {
                let end = at + bid.lease().as_millis() as Millis;
                self.leases.insert(leave.attempt().number(), (at, end));
            }
            (What::Finish(attempt, edition, Settlement::Rejected(_), _), _) if is_own(*edition) => {
                if let Some(password) = self.passwords.get(&attempt.number()) {
                    self.told.entry(*password).or_insert(at);
                }
            }
            (What::Reset, _) => {
                self.check_refusals();
                self.told.clear();
                self.refusals.clear();
                let processes = self.processes.values_mut();
                processes.for_each(|process| process.refused.clear());
            }
            _ => {}
        }
    }
}
