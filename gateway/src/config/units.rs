//! How the text of one setting becomes a value: switches, counts, times, sizes.
//!
//! Each function answers with what is allowed when the text is not.

use std::time::Duration;

/// Kong's switches.
pub(super) fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "yes" => Ok(true),
        "off" | "false" | "no" => Ok(false),
        _ => Err("allowed: on, off".to_owned()),
    }
}

/// A whole number between `least` and `most`.
pub(super) fn count(text: &str, least: u64, most: u64) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("allowed: a whole number from {least} to {most}"))
}

/// A time: a number of `unit`, or a number with `ms`, `s`, `m`, `h` or `d`.
pub(super) fn time(text: &str, unit: Duration) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, suffix) = text.split_at_checked(digits).unwrap_or((text, ""));
    let unit = match suffix.trim_start() {
        "" => Some(unit),
        "ms" => Some(Duration::from_millis(1)),
        "s" => Some(Duration::from_secs(1)),
        "m" => Some(Duration::from_secs(60)),
        "h" => Some(Duration::from_secs(3600)),
        "d" => Some(Duration::from_secs(24 * 3600)),
        _ => None,
    };
    let number = number.parse::<u32>().ok();
    let time = unit.zip(number).and_then(|(unit, number)| unit.checked_mul(number));
    // A year: anything longer is a slip, and would not fit into every timer.
    let time = time.filter(|time| *time <= Duration::from_secs(365 * 24 * 3600));
    time.ok_or_else(|| "allowed: a whole number, alone or with ms, s, m, h or d, up to a year".to_owned())
}

/// A size in bytes: a number, alone or with nginx's `k`, `m` or `g`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let factors = [("k", 1_u64 << 10), ("m", 1 << 20), ("g", 1 << 30)];
    let (number, factor) = factors
        .into_iter()
        .find_map(|(suffix, factor)| Some((lower.strip_suffix(suffix)?, factor)))
        .unwrap_or((&lower, 1));
    let size = number.trim_end().parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    size.ok_or_else(|| "allowed: a number of bytes, alone or with k, m or g".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_take_suffixes() {
        let second = Duration::from_secs(1);
        for (text, want) in
            [("15", Some(15_000)), ("250ms", Some(250)), ("2 m", Some(120_000)), ("1d", Some(86_400_000))]
        {
            assert_eq!(time(text, second).ok().map(|time| time.as_millis()), want, "{text}");
        }
        for bad in ["", "s", "-1", "1.5", "1w", "9999999999", "8761h", "١s"] {
            assert!(time(bad, second).is_err(), "{bad}");
        }
        for (text, want) in
            [("64k", Some(65_536)), ("1M", Some(1 << 20)), ("0", Some(0)), ("", None), ("k", None)]
        {
            assert_eq!(bytes(text).ok(), want, "{text}");
        }
        assert!(bytes("99999999999999g").is_err(), "too large for 64 bits");
    }

    #[test]
    fn counts_keep_their_bounds() {
        assert_eq!(count("1", 1, 4), Ok(1));
        assert_eq!(count("0", 1, 4), Err("allowed: a whole number from 1 to 4".to_owned()));
        assert!(count("5", 1, 4).is_err() && count("x", 1, 4).is_err());
    }
}
