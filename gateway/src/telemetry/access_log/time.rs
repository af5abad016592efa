//! RFC 3339 times in UTC, kept for as long as the second lasts.

/// The text of the second that was asked for last.
#[derive(Debug, Default)]
pub(super) struct TimeText {
    second: u64,
    text: String,
}

impl TimeText {
    /// Appends `unix_ms` in the form `2026-11-23T02:10:11.123Z`.
    pub(super) fn write(&mut self, unix_ms: u64, out: &mut String) {
        let second = unix_ms / 1000;
        if second != self.second || self.text.is_empty() {
            self.second = second;
            self.text = render(second);
        }
        out.push_str(&self.text);
        out.push('.');
        three_digits(unix_ms % 1000, out);
        out.push('Z');
    }
}

/// Appends a number below 1000 with leading zeros.
pub(super) fn three_digits(number: u64, out: &mut String) {
    for digit in [number / 100 % 10, number / 10 % 10, number % 10] {
        out.push(u32::try_from(digit).ok().and_then(|digit| char::from_digit(digit, 10)).unwrap_or('0'));
    }
}

fn render(second: u64) -> String {
    let (year, month, day) = civil(second / 86_400);
    let of_day = second % 86_400;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

/// The date of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right() {
        let mut time = TimeText::default();
        for (case, unix_ms, want) in [
            ("the beginning", 0, "1970-01-01T00:00:00.000Z"),
            ("a leap day", 951_782_400_007, "2000-02-29T00:00:00.007Z"),
            ("after it", 951_868_800_000, "2000-03-01T00:00:00.000Z"),
            ("no leap day in 2100", 4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            ("an ordinary moment", 1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            ("the same second", 1_700_000_000_999, "2023-11-14T22:13:20.999Z"),
        ] {
            let mut out = String::new();
            time.write(unix_ms, &mut out);
            assert_eq!(out, want, "{case}");
        }
    }
}
