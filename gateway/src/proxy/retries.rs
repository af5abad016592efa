//! The budgets of this worker's routes for sending a request again.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use crate::balancer::Budget;
use crate::config::RetryBudget;
use crate::exchange::RouteFacts;
use crate::telemetry::WorkerMetrics;

/// Routes with a budget of their own. More of them begin anew: each then has its floor again.
const MOST_ROUTES: usize = 10_000;

/// One budget for each route that has ever repeated a request. Requests that are not repeated never come by:
/// how many they are, the metrics know.
#[derive(Debug)]
pub(super) struct Retries {
    /// `None` is no limit.
    rules: Option<RetryBudget>,
    budgets: RefCell<HashMap<Uuid, Budget>>,
}

impl Retries {
    pub(super) fn new(rules: Option<RetryBudget>) -> Self {
        Self { rules, budgets: RefCell::default() }
    }

    /// Whether one request of a route may be sent again.
    pub(super) fn take(&self, route: Option<&Arc<RouteFacts>>, metrics: &WorkerMetrics) -> bool {
        let (Some(rules), Some(facts)) = (self.rules, route) else { return true };
        let (requests, now) = (metrics.requests_of(facts), Instant::now());
        let mut budgets = self.budgets.borrow_mut();
        if budgets.len() >= MOST_ROUTES && !budgets.contains_key(&facts.route.id) {
            budgets.clear();
        }
        let budget = budgets.entry(facts.route.id).or_insert_with(|| Budget::new(rules, requests, now));
        let may = budget.take(requests, now);
        if !may {
            metrics.retry_refused();
        }
        may
    }

    /// The request that took so many attempts was answered in the end.
    pub(super) fn give_back(&self, route: Option<&Arc<RouteFacts>>, attempts: u32) {
        let mut budgets = self.budgets.borrow_mut();
        if let Some(budget) = route.and_then(|facts| budgets.get_mut(&facts.route.id)) {
            budget.give_back(attempts);
        }
    }
}
