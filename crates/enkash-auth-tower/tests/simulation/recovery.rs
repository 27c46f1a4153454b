//! What must happen: once all faults have ended, every replica serves again.

use std::collections::BTreeSet;

use crate::{
    clock::Millis,
    events::Event,
    plan::{Passwords, Style},
    world::{Who, World},
};

/// What befalls a cache that does not know yet that its issuer repeats a token until that is over, and
/// comes in the last second of one: a failure like any other, on purpose.
const LAST_BREATH: &str = "the token was over when it came";

/// What those are told who have to wait until two attempts of which nobody knows are a while ago.
const CLOSED: &str = "nobody knows how the last attempts ended";

/// Who serves again.
#[derive(Default)]
pub(crate) struct Recovery {
    served: BTreeSet<usize>,
    /// Somebody was turned away, for nobody knows how the last attempts ended.
    was_closed: bool,
    /// From here on no call may fail.
    is_over: bool,
}

impl World {
    /// From now on every replica has to serve within `span`.
    pub(crate) fn recover(&mut self, span: Millis) {
        self.recovery = Recovery::default();
        self.note(self.now, format_args!("recovery begins"));
        self.at(self.now + span, Event::Served(false));
    }

    /// Every replica has served by now; or nobody knows how the last attempts ended, and it is a
    /// matter of `unresolved`.
    pub(crate) fn check_served(&mut self, is_last: bool, unresolved: Millis, afterwards: Millis) {
        let is_closed = self.recovery.was_closed;
        if is_closed && !is_last && self.plan.passwords == Passwords::Right {
            self.recovery.served.clear();
            self.at(self.now + unresolved, Event::Served(true));
            return;
        }
        if self.recovery.served.len() == self.plan.replicas() {
            self.recovery.is_over = true;
            self.at(self.now + afterwards, Event::End);
            return;
        }
        let served = &self.recovery.served;
        let violation = format!("only {served:?} serve again");
        self.checks.violation.get_or_insert(violation);
    }

    /// A call has ended: with a status, or without.
    pub(crate) fn called(&mut self, who: Who, result: Result<u16, String>) {
        let at = who.clock.virtual_now();
        self.note(at, format_args!("r{} call: {result:?}", who.replica));
        self.checks.tally.calls += 1;
        let is_sticky = self.plan.style == Style::Sticky;
        let may_be_revoked = self.plan.style == Style::Revoking;
        match result {
            Ok(200) => {
                self.checks.tally.served += 1;
                self.recovery.served.insert(who.replica);
            }
            Err(error) if !self.recovery.is_over && error.contains(CLOSED) => {
                self.recovery.was_closed = true;
            }
            Err(error) if is_sticky && error.ends_with(LAST_BREATH) => {
                self.recovery.served.insert(who.replica);
            }
            Ok(401) if may_be_revoked => {}
            result if self.recovery.is_over => {
                let violation = format!("r{} fails again: {result:?}", who.replica);
                self.checks.violation.get_or_insert(violation);
            }
            _ => {}
        }
    }
}
