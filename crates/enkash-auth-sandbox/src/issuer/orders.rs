//! Faults to order.

use super::Issuer;
use crate::faults::{Endpoint, Fault, Faults, Order};

impl Issuer {
    /// Orders a fault. It comes into force when the earlier orders of its endpoint are used up.
    pub fn order(&self, order: Order) {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let queue = state.faults.at(order.at);
        queue.push(order.fault, order.span, now);
    }

    /// The orders that are not used up, with what is left of them: those of the token endpoint,
    /// then those of the API; of each, the first is in force.
    #[must_use]
    pub fn orders(&self) -> Vec<Order> {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let mut orders = Vec::new();
        for endpoint in [Endpoint::Token, Endpoint::Api] {
            orders.extend(state.faults.at(endpoint).orders(endpoint, now));
        }
        orders
    }

    /// Cancels all orders. A request that one has struck already stays struck.
    pub fn cancel_orders(&self) {
        self.lock().faults = Faults::default();
    }

    /// The fault that strikes a request to `endpoint` now; counted.
    pub(crate) fn take_fault(&self, endpoint: Endpoint) -> Option<Fault> {
        let now = self.clock().elapsed_ms();
        let mut state = self.lock();
        let fault = state.faults.at(endpoint).take(now)?;
        state.counters.faults += 1;
        Some(fault)
    }
}
