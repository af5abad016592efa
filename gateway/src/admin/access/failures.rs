//! Failed attempts, counted by address, so that nobody can guess fast or fill the audit log.
//!
//! Memory is bounded: when too many addresses fail at once, those that come then share one count.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures of one address in one second; what comes then is not looked at.
const MOST: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);
/// Addresses that are counted each for itself.
const MOST_ADDRESSES: usize = 4_096;
/// Refusals of strangers that are written down in one second, from all addresses together.
const MOST_RECORDED: u32 = 100;
/// Whom those share a count with that find no place of their own.
const THE_REST: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// Failed attempts of the current second.
#[derive(Debug, Default)]
pub(in crate::admin) struct Failures(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    by_address: HashMap<IpAddr, Window>,
    recorded: Option<Window>,
    unrecorded: u64,
}

/// Events since a moment, for a second.
#[derive(Debug, Clone, Copy)]
struct Window {
    began: Instant,
    count: u32,
}

impl Window {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.began) >= SECOND
    }
}

impl Failures {
    /// Whether an attempt of this address is looked at.
    pub(in crate::admin) fn admit(&self, address: IpAddr, now: Instant) -> bool {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(address);
        let own = counts.by_address.get(&key);
        let shared = counts.by_address.get(&THE_REST).filter(|_| own.is_none() && counts.is_full());
        own.or(shared).is_none_or(|window| window.count < MOST || window.is_over(now))
    }

    /// Counts a failure.
    pub(in crate::admin) fn note(&self, address: IpAddr, now: Instant) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.is_full() {
            counts.by_address.retain(|_, window| !window.is_over(now));
        }
        let mut key = key(address);
        if counts.is_full() && !counts.by_address.contains_key(&key) {
            key = THE_REST;
        }
        let window = counts.by_address.entry(key).or_insert(Window { began: now, count: 0 });
        if window.is_over(now) {
            *window = Window { began: now, count: 0 };
        }
        window.count = window.count.saturating_add(1);
    }

    /// Whether a refusal of somebody unknown is written down. If so, how many before it were not.
    pub(in crate::admin) fn may_record(&self, now: Instant) -> Option<u64> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = Window { began: now, count: 0 };
        let mut window = counts.recorded.filter(|window| !window.is_over(now)).unwrap_or(fresh);
        window.count += 1;
        if window.count > MOST_RECORDED {
            counts.unrecorded += 1;
            return None;
        }
        counts.recorded = Some(window);
        Some(std::mem::take(&mut counts.unrecorded))
    }

    /// Counts a refusal that is not written down, since its like was.
    pub(in crate::admin) fn pass_over(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unrecorded += 1;
    }

    /// Whether this is the first refusal without a look in the second of this address.
    pub(in crate::admin) fn is_first_refusal(&self, address: IpAddr, now: Instant) -> bool {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = key(address);
        let key = if counts.by_address.contains_key(&own) { own } else { THE_REST };
        let Some(window) = counts.by_address.get_mut(&key).filter(|window| !window.is_over(now)) else {
            return true;
        };
        window.count = window.count.saturating_add(1);
        window.count == MOST + 1
    }
}

impl Counts {
    /// One place is left for the rest.
    fn is_full(&self) -> bool {
        self.by_address.len() >= MOST_ADDRESSES - 1
    }
}

/// Whoever has one IPv6 address has the 2⁶⁴ of its network.
fn key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_failure_of_a_second_is_not_looked_at() {
        let (failures, now) = (Failures::default(), Instant::now());
        let [one, other]: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        for _ in 0..MOST {
            assert!(failures.admit(one, now));
            failures.note(one, now);
        }
        assert!(!failures.admit(one, now));
        assert!(failures.admit(other, now), "others are not held up");
        assert!(failures.is_first_refusal(one, now) && !failures.is_first_refusal(one, now));
        assert!(failures.admit(one, now + SECOND), "a second later it may try again");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let (failures, now) = (Failures::default(), Instant::now());
        for last in 0..MOST {
            failures.note(format!("2001:db8::{last}").parse().unwrap(), now);
        }
        assert!(!failures.admit("2001:db8::ffff".parse().unwrap(), now));
        assert!(failures.admit("2001:db8:0:1::1".parse().unwrap(), now));
    }

    #[test]
    fn any_number_of_addresses_takes_bounded_memory() {
        let (failures, now) = (Failures::default(), Instant::now());
        for number in 0..20_000_u32 {
            failures.note(IpAddr::V4(number.into()), now);
        }
        assert!(failures.0.lock().unwrap().by_address.len() <= MOST_ADDRESSES);
        assert!(!failures.admit(IpAddr::V4(30_000.into()), now), "the rest share one count");
        failures.note(IpAddr::V4(1.into()), now + SECOND);
        assert!(failures.0.lock().unwrap().by_address.len() < 3, "what is over is forgotten");
    }

    #[test]
    fn records_of_strangers_are_bounded_and_counted() {
        let (failures, now) = (Failures::default(), Instant::now());
        let recorded = (0..250).filter(|_| failures.may_record(now).is_some()).count();
        assert_eq!(recorded, 100);
        assert_eq!(failures.may_record(now + SECOND), Some(150));
    }
}
