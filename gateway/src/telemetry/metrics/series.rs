//! What one worker counts for one route, and for one consumer on it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;

use super::cell::Cell;
use super::latency::{Distribution, GATEWAY_BUCKETS, Histogram, REQUEST_BUCKETS};
use crate::exchange::RouteFacts;

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    #[default]
    Requests,
    Streams,
}

/// The name of the series that stands for what is beyond a bound.
pub(super) const OTHER: &str = "other";

/// Which service, which route and whose requests, as labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Labels {
    pub(super) counted: Counted,
    pub(super) service: String,
    pub(super) route: String,
    /// Empty for all whose consumers are not told apart.
    pub(super) consumer: String,
}

impl Labels {
    /// Kong's choice: the name of a service or its host, the name of a route or its id.
    pub(super) fn of(facts: &RouteFacts) -> Self {
        let route = &facts.route;
        Self {
            counted: if route.is_stream() { Counted::Streams } else { Counted::Requests },
            service: facts.service.as_ref().map_or_else(String::new, |service| {
                service.name.clone().unwrap_or_else(|| service.host.clone())
            }),
            route: route.name.clone().unwrap_or_else(|| route.id.to_string()),
            consumer: String::new(),
        }
    }

    /// The same for the requests of one consumer.
    pub(super) fn of_consumer(&self, name: &str) -> Self {
        Self { consumer: name.to_owned(), ..self.clone() }
    }

    /// For what no route matches.
    pub(super) fn unmatched(counted: Counted) -> Self {
        Self { counted, ..Self::default() }
    }

    /// For all routes beyond the bound.
    pub(super) fn overflow(counted: Counted) -> Self {
        Self { counted, service: OTHER.to_owned(), route: OTHER.to_owned(), ..Self::default() }
    }
}

/// Who gave the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Service,
    Kong,
}

impl Source {
    fn of_key(key: u16) -> Self {
        if key % 2 == 1 { Self::Kong } else { Self::Service }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Kong => "kong",
        }
    }
}

/// One finished exchange, as far as it is counted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Observation {
    pub(super) status: StatusCode,
    pub(super) source: Source,
    pub(super) total: Duration,
    pub(super) gateway: Duration,
    pub(super) upstream: Option<Duration>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

/// The counters of one route in one worker, or those of one consumer on it.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Labels,
    codes: Codes,
    /// Only a route has them: Kong does not tell consumers apart here, and they are most of the memory.
    times: Option<Box<Times>>,
    bytes_in: Cell,
    bytes_out: Cell,
    retired: AtomicBool,
}

#[derive(Debug)]
struct Times {
    gateway: Histogram<17>,
    upstream: Histogram<13>,
    request: Histogram<13>,
}

impl Series {
    /// For a route, and its requests of consumers that are not told apart.
    pub(super) fn new(labels: Labels) -> Self {
        let times = Times {
            gateway: Histogram::new(&GATEWAY_BUCKETS),
            upstream: Histogram::new(&REQUEST_BUCKETS),
            request: Histogram::new(&REQUEST_BUCKETS),
        };
        Self { times: Some(Box::new(times)), ..Self::of_consumer(labels) }
    }

    /// For the requests of one consumer on a route, whose times the route's own series has.
    pub(super) fn of_consumer(labels: Labels) -> Self {
        Self {
            labels,
            codes: Codes::default(),
            times: None,
            bytes_in: Cell::default(),
            bytes_out: Cell::default(),
            retired: AtomicBool::new(false),
        }
    }

    pub(super) fn observe(&self, seen: Observation) {
        self.time(seen);
        self.count(seen);
    }

    /// The half of an observation that is not told apart by consumer.
    pub(super) fn time(&self, seen: Observation) {
        let Some(times) = &self.times else { return };
        times.request.observe(seen.total);
        times.gateway.observe(seen.gateway);
        if let Some(upstream) = seen.upstream {
            times.upstream.observe(upstream);
        }
    }

    /// The half that may be told apart by consumer.
    pub(super) fn count(&self, seen: Observation) {
        self.codes.count(seen.status, seen.source);
        self.bytes_in.add(seen.bytes_in);
        self.bytes_out.add(seen.bytes_out);
    }

    /// Requests of the route that are over, whoever sent them.
    pub(super) fn requests(&self) -> u64 {
        self.times.as_ref().map_or(0, |times| times.request.total())
    }

    /// The route is gone: the next scrape leaves the series out.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }
}

/// Counts by status. A route sees few of them, so a scan beats a table of 1000; a further block is
/// made when the first is full, and there are at most 1000 different keys.
#[derive(Debug, Default)]
struct Codes {
    slots: [Slot; 8],
    more: OnceLock<Box<Self>>,
}

#[derive(Debug, Default)]
struct Slot {
    /// Status times two, plus one for the gateway's own; 0 is free.
    key: AtomicU16,
    count: Cell,
}

impl Codes {
    fn count(&self, status: StatusCode, source: Source) {
        let key = status.as_u16() * 2 + u16::from(source == Source::Kong);
        for slot in &self.slots {
            let found = slot.key.load(Ordering::Relaxed);
            if found == key || found == 0 {
                slot.key.store(key, Ordering::Relaxed);
                return slot.count.add(1);
            }
        }
        self.more.get_or_init(Box::default).count(status, source);
    }

    fn add_to(&self, sums: &mut BTreeMap<(u16, Source), u64>) {
        for slot in &self.slots {
            let key = slot.key.load(Ordering::Relaxed);
            if key != 0 {
                *sums.entry((key / 2, Source::of_key(key))).or_default() += slot.count.get();
            }
        }
        if let Some(more) = self.more.get() {
            more.add_to(sums);
        }
    }
}

/// What all workers counted under the same labels.
#[derive(Debug, Default)]
pub(super) struct Merged {
    pub(super) codes: BTreeMap<(u16, Source), u64>,
    pub(super) gateway: Distribution,
    pub(super) upstream: Distribution,
    pub(super) request: Distribution,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

/// Adds up the series of all workers by their labels.
pub(super) fn merge(series: &[Arc<Series>]) -> BTreeMap<Labels, Merged> {
    let mut merged = BTreeMap::<Labels, Merged>::new();
    for one in series {
        let sum = merged.entry(one.labels.clone()).or_default();
        one.codes.add_to(&mut sum.codes);
        if let Some(times) = &one.times {
            times.gateway.add_to(&mut sum.gateway);
            times.upstream.add_to(&mut sum.upstream);
            times.request.add_to(&mut sum.request);
        }
        sum.bytes_in += one.bytes_in.get();
        sum.bytes_out += one.bytes_out.get();
    }
    merged
}
