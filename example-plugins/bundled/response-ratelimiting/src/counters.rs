//! The limits, and what is counted for them.

use limits::{Amounts, Period, Policy, digits, whole};
use weir_plugin_sdk::counters::Window;

/// Counting goes on beyond a limit, up to here: Redis's scripts know no larger whole numbers.
const ROOF: u64 = 1 << 53;

/// One response costs no more than this, so that even the most expensive one fits below the roof beside others.
const MOST_COSTLY: u64 = 1 << 52;

/// Windows that can be asked about at once.
const AT_ONCE: usize = 32;

/// All limits, by name.
pub(crate) struct Counters {
    policy: Policy,
    /// In the order of their names, so that one is found by halving.
    named: Vec<Named>,
}

/// The limits of one name.
pub(crate) struct Named {
    pub(crate) name: String,
    /// Tells the upstream what is left.
    pub(crate) header: String,
    limits: Vec<Limit>,
}

/// The limit for one period.
struct Limit {
    period: Period,
    most: u64,
    /// As the operator wrote it.
    shown: String,
    /// The headers with the limit and with what remains.
    headers: (String, String),
}

/// How all limits stood when the request came: by name, then by period.
pub(crate) struct Usage<'a> {
    pub(crate) now: u64,
    pub(crate) caller: &'a str,
    pub(crate) remaining: Vec<u64>,
}

impl Counters {
    pub(crate) fn new<'a>(policy: Policy, limits: impl Iterator<Item = (&'a str, &'a Amounts)>) -> Self {
        let mut named: Vec<Named> = limits.map(|(name, amounts)| Named::new(name, amounts)).collect();
        named.sort_by(|one, other| one.name.cmp(&other.name));
        Self { policy, named }
    }

    /// Finds out how the limits stand, and counts nothing.
    pub(crate) fn usage<'a>(&self, caller: &'a str, now: u64) -> Result<Usage<'a>, String> {
        let windows: Vec<Window> =
            self.named.iter().flat_map(|named| named.windows((caller, now), |limit| limit.most)).collect();
        let mut remaining = Vec::with_capacity(windows.len());
        for some in windows.chunks(AT_ONCE) {
            remaining.extend(self.policy.take(some, 0)?.into_iter().map(|take| take.remaining));
        }
        Ok(Usage { now, caller, remaining })
    }

    /// Counts what was used of each name, even where that is more than is left: it has been used.
    pub(crate) fn add(&self, usage: &Usage<'_>, used: &[u64]) -> Result<(), String> {
        for (named, cost) in self.named.iter().zip(used).filter(|(_, cost)| **cost > 0) {
            let windows: Vec<Window> = named.windows((usage.caller, usage.now), |_| ROOF).collect();
            self.policy.take(&windows, *cost)?;
        }
        Ok(())
    }

    /// The limits of each name with what is left in each period.
    pub(crate) fn standing<'a>(
        &'a self,
        usage: &'a Usage<'_>,
    ) -> impl Iterator<Item = (&'a Named, &'a [u64])> {
        let mut rest = usage.remaining.as_slice();
        self.named.iter().map(move |named| {
            let (these, others) = rest.split_at_checked(named.limits.len()).unwrap_or((rest, &[]));
            rest = others;
            (named, these)
        })
    }

    /// How many numbers [`Usage::remaining`] has.
    pub(crate) fn count(&self) -> usize {
        self.named.iter().map(|named| named.limits.len()).sum()
    }

    /// What a response says was used of each name, in their order: `video=3, image=1`. Of two that have the same
    /// name the last counts, and a name that is unknown says nothing.
    pub(crate) fn used<'a>(&self, said: impl Iterator<Item = &'a [u8]>) -> Vec<u64> {
        let mut used = vec![0; self.named.len()];
        let values: Vec<_> = said.map(String::from_utf8_lossy).collect();
        for (name, amount) in values.iter().flat_map(|value| value.split(',')).filter_map(pair) {
            let found = self.named.binary_search_by(|named| named.name.as_str().cmp(name));
            if let Some(place) = found.ok().and_then(|at| used.get_mut(at)) {
                *place = amount;
            }
        }
        used
    }
}

impl Named {
    fn new(name: &str, amounts: &Amounts) -> Self {
        let lower = name.to_ascii_lowercase();
        let limit = |(period, amount): (Period, f64)| {
            let header = |what: &str| format!("x-ratelimit-{what}-{lower}-{}", period.name());
            let (most, shown) = (whole(amount), amount.to_string());
            Limit { period, most, shown, headers: (header("limit"), header("remaining")) }
        };
        Self {
            name: name.to_owned(),
            header: format!("x-ratelimit-remaining-{lower}"),
            limits: amounts.set().into_iter().map(limit).collect(),
        }
    }

    fn windows<'a>(
        &'a self,
        (caller, now): (&'a str, u64),
        most: impl Fn(&Limit) -> u64 + 'a,
    ) -> impl Iterator<Item = Window> + 'a {
        let name = self.name.as_str();
        self.limits.iter().map(move |limit| limit.period.window(&[name, caller], most(limit), now))
    }

    /// Two headers for each period, with what is left once `used` is taken off.
    pub(crate) fn headers(&self, remaining: &[u64], used: u64) -> impl Iterator<Item = (&str, Vec<u8>)> {
        self.limits.iter().zip(remaining).flat_map(move |(limit, remaining)| {
            let (most, left) = (limit.headers.0.as_str(), limit.headers.1.as_str());
            [(most, limit.shown.clone().into_bytes()), (left, digits(remaining.saturating_sub(used)))]
        })
    }
}

impl Usage<'_> {
    /// As the response phase gets it: numbers of eight bytes, then the caller.
    pub(crate) fn write(&self) -> Vec<u8> {
        let numbers =
            std::iter::once(&self.now).chain(&self.remaining).flat_map(|number| number.to_le_bytes());
        numbers.chain(self.caller.bytes()).collect()
    }
}

impl<'a> Usage<'a> {
    /// Reads what [`write`](Self::write) wrote for `count` limits.
    pub(crate) fn read(bytes: &'a [u8], count: usize) -> Option<Self> {
        let (numbers, caller) = bytes.split_at_checked((count + 1) * 8)?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let now = numbers.next()?;
        Some(Self { now, caller: std::str::from_utf8(caller).ok()?, remaining: numbers.collect() })
    }
}

fn pair(text: &str) -> Option<(&str, u64)> {
    let (name, amount) = text.split_once('=')?;
    (!amount.contains('=')).then(|| (name.trim(), number(amount.trim())))
}

/// A part of one is one. Kong takes numbers below 0 too, and gives back; counters here only grow.
fn number(text: &str) -> u64 {
    let number: Option<f64> = text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    number.map_or(0, whole).min(MOST_COSTLY)
}
