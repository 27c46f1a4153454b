//! An operator who resets the account.

use std::time::Duration;

use enkash_auth_core::account::{AccountRecord, Facts, Witness};

use crate::{
    model::Attempts,
    rules::Rule,
    world::{Content, LONG, World},
};

#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct Operator {
    pub(crate) allow_rejected: bool,
    pub(crate) witness: Witness,
}

/// A reset by an operator, which assumes a count of zero at the server. Waits for leases to pass.
pub(crate) fn reset(model: &Attempts, w: &mut World, allow_rejected: bool) {
    let now = w.moment();
    let mut operator = w.operator.take().unwrap_or(Operator {
        allow_rejected,
        witness: Witness::default(),
    });
    let allow = operator.allow_rejected;
    let mut facts = match &w.registers[0].content {
        Content::Record(facts) => facts.clone(),
        Content::Absent => Facts::default(),
        Content::Damaged => AccountRecord::in_place_of(b"damaged", now).facts().clone(),
        Content::Newer => return,
    };
    facts.merge(operator.witness.facts());
    operator.witness.see(&facts, now);
    let at = match model.off {
        Some(Rule::ResetWaits) => now + Duration::from_nanos(100 * LONG),
        _ => now,
    };
    let ids = facts.resettable();
    let is_done = facts.reset(
        &ids,
        allow || !model.is_on(Rule::FingerprintsOutliveReset),
        &operator.witness,
        at,
    );
    operator.witness.observe(&facts);
    w.registers[0].version = w.fresh_version();
    w.registers[0].content = Content::Record(facts);
    w.registers[0].known.reset(allow);
    w.processes
        .iter_mut()
        .for_each(|process| process.known.reset(allow));
    w.server.failures = 0;
    w.history.clear_counts();
    w.history.clear_begun(None, w.now);
    w.history.is_current = 0;
    w.operator = (!is_done).then_some(operator);
}
