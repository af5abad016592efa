//! How much fits into which period.

use serde::{Deserialize, Serialize};
use weir_plugin_sdk::{JsonSchema, schemars};

use crate::Period;

/// A limit for each period, as Kong's configurations write them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Amounts {
    /// At most so many a second.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub second: Option<f64>,
    /// At most so many a minute.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub minute: Option<f64>,
    /// At most so many an hour.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub hour: Option<f64>,
    /// At most so many a day.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub day: Option<f64>,
    /// At most so many a month.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub month: Option<f64>,
    /// At most so many a year.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub year: Option<f64>,
}

impl Amounts {
    /// The limits that are set, shortest period first.
    pub fn set(&self) -> Vec<(Period, f64)> {
        let all = [
            (Period::Second, self.second),
            (Period::Minute, self.minute),
            (Period::Hour, self.hour),
            (Period::Day, self.day),
            (Period::Month, self.month),
            (Period::Year, self.year),
        ];
        all.into_iter().filter_map(|(period, amount)| Some((period, amount?))).collect()
    }

    /// A longer period cannot have the lower limit; in Kong's words, as what follows "the ".
    pub fn order_problem(&self) -> Option<String> {
        let set = self.set();
        set.iter().enumerate().find_map(|(at, (short, low))| {
            let (long, high) = set.iter().skip(at + 1).find(|(_, high)| high < low)?;
            let (short, long) = (short.name(), long.name());
            Some(format!("limit for {long}({high:.1}) cannot be lower than the limit for {short}({low:.1})"))
        })
    }
}

/// What fits into a limit of so much: 2.5 a minute are three, as in Kong, which refuses once nothing is left.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "positive by the schema; `as` saturates"
)]
pub fn whole(amount: f64) -> u64 {
    amount.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_period_has_no_lower_limit() {
        let lower = "limit for hour(2.0) cannot be lower than the limit for minute(3.0)";
        for (minute, hour, problem) in [(3.0, 2.0, Some(lower)), (2.0, 2.0, None), (2.0, 3.0, None)] {
            let amounts = Amounts { minute: Some(minute), hour: Some(hour), ..Amounts::default() };
            assert_eq!(amounts.order_problem().as_deref(), problem, "{minute} {hour}");
        }
    }

    #[test]
    fn a_part_of_a_request_is_one() {
        assert_eq!([0.1, 1.0, 2.5, f64::MAX].map(whole), [1, 1, 3, u64::MAX]);
    }
}
