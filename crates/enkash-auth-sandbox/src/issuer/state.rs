//! What changes while the issuer runs; behind one lock.

use super::counters::Counters;
use super::strikes::Strikes;
use super::tokens::Tokens;
use crate::faults::Faults;
use crate::rules::Rules;

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) rules: Rules,
    pub(crate) tokens: Tokens,
    pub(crate) strikes: Strikes,
    pub(crate) counters: Counters,
    /// Token requests under way.
    pub(crate) calls_open: u64,
    pub(crate) outage: bool,
    pub(crate) faults: Faults,
}

impl State {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            tokens: Tokens::new(),
            strikes: Strikes::default(),
            counters: Counters::default(),
            calls_open: 0,
            outage: false,
            faults: Faults::default(),
        }
    }
}
