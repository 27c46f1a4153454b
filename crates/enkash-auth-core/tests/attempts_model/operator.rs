//! Resets of the account, by an operator.

use std::time::Duration;

use enkash_auth_core::account::{AccountRecord, Facts, Witness};

use crate::{
    model::Attempts,
    rules::{Rule, edited},
    world::{Content, LONG, World},
};

/// A reset that waits for leases to pass.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Operator {
    allow_rejected: bool,
    /// The record at the call.
    before: Facts,
    witness: Witness,
}

impl Operator {
    /// Begins a reset. The operator vouches for a count of zero at the server.
    pub(crate) fn reset(model: &Attempts, w: &mut World, allow_rejected: bool) {
        let Some(before) = load(w) else { return };
        w.operator = Some(Self {
            allow_rejected,
            before,
            witness: Witness::default(),
        });
        w.server.failures = 0;
        w.history.begin_reset();
        w.registers[0].known.reset(allow_rejected);
        let processes = w.processes.iter_mut();
        processes.for_each(|process| process.known.reset(allow_rejected));
        Self::poll(model, w);
    }

    /// Clears what may be cleared. The reset ends once that is all.
    pub(crate) fn poll(model: &Attempts, w: &mut World) {
        let now = w.moment();
        let (Some(mut operator), Some(mut facts)) = (w.operator.take(), load(w)) else {
            return;
        };
        facts.merge(operator.witness.facts());
        operator.witness.see(&facts, now);
        if model.off == Some(Rule::ResetOnce) {
            operator.before = facts.clone();
        }
        if model.off == Some(Rule::ResetClearsGuesses) {
            operator.before = edited(&operator.before, |facts| drop(facts.remove("rejected")));
        }
        let at = match model.off {
            Some(Rule::ResetWaits) => now + Duration::from_nanos(100 * LONG),
            _ => now,
        };
        let allow = operator.allow_rejected || model.off == Some(Rule::FingerprintsOutliveReset);
        let is_done = facts.reset(&operator.before, allow, &operator.witness, at);
        operator.witness.observe(&facts);
        let content = Content::Record(facts);
        if w.registers[0].content != content {
            w.registers[0].version = w.fresh_version();
            w.registers[0].content = content;
            w.history.is_current = 0;
        }
        if is_done {
            w.server.failures -= w.history.end_reset();
        } else {
            w.operator = Some(operator);
        }
    }
}

/// The record, or what replaces it.
fn load(w: &World) -> Option<Facts> {
    match &w.registers[0].content {
        Content::Record(facts) => Some(facts.clone()),
        Content::Absent => Some(Facts::default()),
        Content::Damaged => {
            let record = AccountRecord::in_place_of(b"damaged", w.moment());
            Some(record.facts().clone())
        }
        Content::Newer(_) => None,
    }
}
