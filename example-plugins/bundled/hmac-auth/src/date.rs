//! The dates of HTTP (RFC 9110 section 5.6.7), read as generously as Kong does: days of the week and time
//! zones are not looked at.

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Seconds since 1970.
pub(crate) fn unix_seconds(text: &str) -> Option<i64> {
    let (day, month, year, clock) = match text.split_once(',') {
        // `Sun, 06 Nov 1994 08:49:37 GMT` or `Sunday, 06-Nov-94 08:49:37 GMT`
        Some((_, rest)) => {
            let mut parts = rest.split([' ', '-']).filter(|part| !part.is_empty());
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?)
        }
        // `Sun Nov  6 08:49:37 1994`
        None => {
            let mut parts = text.split_ascii_whitespace().skip(1);
            let (month, day, clock, year) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            (day, month, year, clock)
        }
    };
    let month = MONTHS.iter().position(|name| *name == month)?;
    let year = match (year.len(), number(year)?) {
        (2, year) if year < 70 => 2000 + year,
        (2, year) => 1900 + year,
        (4, year) if year >= 1970 => year,
        _ => return None,
    };
    let day = number(day).filter(|day| (1..=days_of(month, year)).contains(day))?;
    let before: i64 = (0..month).map(|month| days_of(month, year)).sum();
    Some((days_before(year) + before + day - 1) * 86_400 + seconds(clock)?)
}

/// Seconds of `08:49:37`.
fn seconds(clock: &str) -> Option<i64> {
    let mut parts = clock.split(':');
    let mut below = |limit| number(parts.next()?).filter(|value| *value < limit);
    let (hour, minute, second) = (below(24)?, below(60)?, below(60)?);
    parts.next().is_none().then_some(hour * 3600 + minute * 60 + second)
}

/// One to four digits.
fn number(text: &str) -> Option<i64> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Days of a month, counted from 0.
fn days_of(month: usize, year: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        1 => 28 + i64::from(leap),
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Days from 1970 to the first of January.
fn days_before(year: i64) -> i64 {
    let (past, since) = (year - 1, year - 1970);
    let leaps = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    since * 365 + leaps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_three_forms() {
        for (text, want) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", Some(784_111_777)),
            ("Sun, 6 Nov 1994 08:49:37 +0000", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Fri, 01-Jan-38 00:00:00 GMT", Some(2_145_916_800)),
            ("Wed, 29 Feb 2023 00:00:00 GMT", None),
            ("Mon, 00 Jan 2024 00:00:00 GMT", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49:60 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37:01 GMT", None),
            ("Sun, 06 Nov 1969 08:49:37 GMT", None),
            ("Sun, 06 Nov 19944 08:49:37 GMT", None),
            ("Sun, 06 nov 1994 08:49:37 GMT", None),
            ("Sun, +6 Nov 1994 08:49:37 GMT", None),
            ("wrong date", None),
            ("784111777", None),
            (",", None),
            ("", None),
        ] {
            assert_eq!(unix_seconds(text), want, "{text}");
        }
    }
}
