//! What calls cost, by phase.

use std::collections::BTreeMap;
use std::fmt;

use crate::plugin_host::Spent;

/// Calls and their instructions, by phase. Prints as a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Costs(BTreeMap<&'static str, Cost>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    calls: u64,
    least: u64,
    most: u64,
    total: u64,
}

impl Costs {
    pub(super) fn add(&mut self, spent: Vec<Spent>) {
        for Spent { phase, fuel } in spent {
            let cost = self.0.entry(phase).or_insert(Cost { calls: 0, least: fuel, most: fuel, total: 0 });
            cost.calls += 1;
            cost.least = cost.least.min(fuel);
            cost.most = cost.most.max(fuel);
            cost.total = cost.total.saturating_add(fuel);
        }
    }
}

impl fmt::Display for Costs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [calls, least, mean, most] = ["calls", "least fuel", "mean", "most"];
        write!(f, "{:<16}{calls:>8}{least:>14}{mean:>14}{most:>14}", "phase")?;
        for (phase, cost) in &self.0 {
            let Cost { calls, least, most, total } = cost;
            let mean = total / calls.max(&1);
            write!(f, "\n{phase:<16}{calls:>8}{least:>14}{mean:>14}{most:>14}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_a_table() {
        let mut costs = Costs::default();
        costs.add(vec![Spent { phase: "request-head", fuel: 10 }, Spent { phase: "request-head", fuel: 20 }]);
        let text = costs.to_string();
        let words: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(words, ["request-head", "2", "10", "15", "20"]);
    }
}
