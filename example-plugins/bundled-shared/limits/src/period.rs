//! Periods of the calendar, in UTC.

use weir_plugin_sdk::counters::Window;

/// A period that requests are counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Period {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Year,
}

/// When a period began and when the next one begins, in Unix milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first millisecond.
    pub from: u64,
    /// The first millisecond of the next one.
    pub until: u64,
}

const DAY_MS: u64 = 86_400_000;

impl Period {
    /// As in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    /// The period of this kind that `now` lies in.
    pub fn around(self, now: u64) -> Span {
        match self {
            Self::Second => fixed(now, 1_000),
            Self::Minute => fixed(now, 60_000),
            Self::Hour => fixed(now, 3_600_000),
            Self::Day => fixed(now, DAY_MS),
            Self::Month => {
                let (year, month) = month_of(now / DAY_MS);
                let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                Span { from: first_of(year, month), until: first_of(next.0, next.1) }
            }
            Self::Year => {
                let (year, _) = month_of(now / DAY_MS);
                Span { from: first_of(year, 1), until: first_of(year + 1, 1) }
            }
        }
    }

    /// The window of this period around `now`, for what these words name together.
    pub fn window(self, words: &[&str], limit: u64, now: u64) -> Window {
        let span = self.around(now);
        let length = words.iter().map(|word| word.len() + 1).sum::<usize>();
        let mut key = String::with_capacity(self.name().len() + length);
        key.push_str(self.name());
        for word in words {
            key.push(':');
            key.push_str(word);
        }
        Window { key, limit, from_unix_ms: span.from, until_unix_ms: span.until }
    }
}

impl Span {
    /// Whole seconds until the end, at least one: with 0 a client would try again too early.
    pub fn seconds_left(self, now: u64) -> u64 {
        let length = (self.until - self.from) / 1000;
        length.saturating_sub(now.saturating_sub(self.from) / 1000).max(1)
    }
}

fn fixed(now: u64, length: u64) -> Span {
    let from = now - now % length;
    Span { from, until: from + length }
}

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years that begin in March have the
// leap day at their end, and 400 of them have 146097 days.

fn month_of(days: u64) -> (u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month)
}

/// Midnight of the first of a month, in Unix milliseconds.
fn first_of(year: u64, month: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era - 719_468) * DAY_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_the_calendar() {
        for (case, period, now, from, until) in [
            ("second", Period::Second, 1_700_000_000_999, 1_700_000_000_000, 1_700_000_001_000),
            ("minute", Period::Minute, 1_700_000_000_000, 1_699_999_980_000, 1_700_000_040_000),
            ("hour", Period::Hour, 1_700_000_000_000, 1_699_999_200_000, 1_700_002_800_000),
            ("day", Period::Day, 1_700_000_000_000, 1_699_920_000_000, 1_700_006_400_000),
            ("November 2023", Period::Month, 1_700_000_000_000, 1_698_796_800_000, 1_701_388_800_000),
            (
                "February of a leap year",
                Period::Month,
                1_709_200_000_000,
                1_706_745_600_000,
                1_709_251_200_000,
            ),
            (
                "the last millisecond of December",
                Period::Month,
                1_704_067_199_999,
                1_701_388_800_000,
                1_704_067_200_000,
            ),
            ("2023", Period::Year, 1_700_000_000_000, 1_672_531_200_000, 1_704_067_200_000),
            ("2024 has 366 days", Period::Year, 1_704_067_200_000, 1_704_067_200_000, 1_735_689_600_000),
            ("the first day of all", Period::Year, 0, 0, 31_536_000_000),
        ] {
            assert_eq!(period.around(now), Span { from, until }, "{case}");
        }
    }

    #[test]
    fn a_period_is_never_over_at_once() {
        let minute = Period::Minute.around(60_000);
        assert_eq!([60_000, 60_999, 61_000, 119_999].map(|now| minute.seconds_left(now)), [60, 60, 59, 1]);
    }

    #[test]
    fn a_window_is_known_by_the_period_and_by_what_it_counts() {
        let window = Period::Minute.window(&["video", "alice"], 3, 1_700_000_000_000);
        assert_eq!((window.key.as_str(), window.limit), ("minute:video:alice", 3));
        assert_eq!((window.from_unix_ms, window.until_unix_ms), (1_699_999_980_000, 1_700_000_040_000));
    }
}
