//! The orders that are not used up.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Endpoint, Fault, Order, Span};
use crate::clock::millis;

/// The orders of every endpoint.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    token: Queue,
    api: Queue,
}

impl Faults {
    pub(crate) fn at(&mut self, endpoint: Endpoint) -> &mut Queue {
        match endpoint {
            Endpoint::Token => &mut self.token,
            Endpoint::Api => &mut self.api,
        }
    }
}

/// The orders of one endpoint, in line; the first is in force.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<(Fault, Span)>,
    /// Since when the first is in force, in milliseconds that only ever grow.
    since: i64,
}

impl Queue {
    pub(crate) fn push(&mut self, fault: Fault, span: Span, now: i64) {
        self.drop_used_up(now);
        if self.waiting.is_empty() {
            self.since = now;
        }
        self.waiting.push_back((fault, span));
    }

    /// The fault that strikes a request now.
    pub(crate) fn take(&mut self, now: i64) -> Option<Fault> {
        self.drop_used_up(now);
        let (fault, span) = self.waiting.front_mut()?;
        let fault = fault.clone();
        if let Span::Times(times) = span {
            *times -= 1;
            if *times == 0 {
                self.waiting.pop_front();
                self.since = now;
            }
        }
        Some(fault)
    }

    /// What is left of each order.
    pub(crate) fn orders(&mut self, at: Endpoint, now: i64) -> Vec<Order> {
        self.drop_used_up(now);
        let passed = Duration::from_millis(now.saturating_sub(self.since).unsigned_abs());
        let mut orders: Vec<_> = self
            .waiting
            .iter()
            .map(|(fault, span)| Order {
                at,
                fault: fault.clone(),
                span: *span,
            })
            .collect();
        if let Some(Order {
            span: Span::Lasting(duration),
            ..
        }) = orders.first_mut()
        {
            *duration = duration.saturating_sub(passed);
        }
        orders
    }

    /// Lets the first order go while it is used up; the next came into force at its end.
    fn drop_used_up(&mut self, now: i64) {
        while let Some((_, span)) = self.waiting.front() {
            match *span {
                Span::Times(0) => {}
                Span::Lasting(duration) => {
                    let end = self.since.saturating_add(millis(duration));
                    if now < end {
                        return;
                    }
                    self.since = end;
                }
                Span::Times(_) => return,
            }
            self.waiting.pop_front();
        }
    }
}
