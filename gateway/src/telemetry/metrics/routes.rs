//! The series of one worker, by route and by consumer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};

use uuid::Uuid;

use super::series::{Counted, Labels, OTHER, Observation, Series};
use crate::exchange::RouteFacts;

/// Routes that one worker counts apart: some 17 MB when all of them have traffic. What comes
/// beyond is counted together, until routes are deleted.
const MAX_ROUTES: usize = 20_000;
/// Pairs of a route and a consumer that one worker counts apart: some 8 MB. On each route what comes
/// beyond is counted together.
const MAX_CONSUMERS: usize = 20_000;

/// The series of one worker by route.
#[derive(Debug)]
pub(super) struct Routes {
    known: HashMap<Uuid, Known, foldhash::fast::RandomState>,
    /// Series of consumers, all routes together.
    consumers: usize,
    overflow: Arc<Series>,
    overflow_streams: Arc<Series>,
    announce: Sender<Arc<Series>>,
    limit: usize,
    consumer_limit: usize,
}

#[derive(Debug)]
struct Known {
    /// To see whether the route is still in use, and whether it changed.
    facts: Weak<RouteFacts>,
    series: Arc<Series>,
    /// Those of consumers that are told apart, by id.
    consumers: HashMap<Uuid, Arc<Series>, foldhash::fast::RandomState>,
}

impl Routes {
    /// No route yet; new series go to `announce`.
    pub(super) fn new(announce: Sender<Arc<Series>>) -> Self {
        let overflow = |counted| announced(Labels::overflow(counted), &announce);
        let (overflow, overflow_streams) = (overflow(Counted::Requests), overflow(Counted::Streams));
        Self {
            known: HashMap::default(),
            consumers: 0,
            overflow,
            overflow_streams,
            announce,
            limit: MAX_ROUTES,
            consumer_limit: MAX_CONSUMERS,
        }
    }

    /// The series of a route.
    pub(super) fn series(&mut self, facts: &Arc<RouteFacts>) -> &Series {
        if self.known.len() >= self.limit && !self.known.contains_key(&facts.route.id) {
            self.forget_deleted();
            if self.known.len() >= self.limit {
                return self.overflow(facts);
            }
        }
        match self.known.entry(facts.route.id) {
            Entry::Vacant(place) => {
                let series = announced(Labels::of(facts), &self.announce);
                let known = Known { facts: Arc::downgrade(facts), series, consumers: HashMap::default() };
                &place.insert(known).series
            }
            Entry::Occupied(place) => {
                let known = place.into_mut();
                if !std::ptr::eq(known.facts.as_ptr(), Arc::as_ptr(facts)) {
                    self.consumers -= known.follow(facts, &self.announce);
                }
                &known.series
            }
        }
    }

    /// Counts a request under the name of its consumer, and times it with all others of its route.
    pub(super) fn observe_for(
        &mut self,
        (id, name): (Uuid, &str),
        facts: &Arc<RouteFacts>,
        seen: Observation,
    ) {
        self.series(facts).time(seen);
        let Some(known) = self.known.get_mut(&facts.route.id) else {
            return self.overflow(facts).count(seen);
        };
        let has_room = self.consumers < self.consumer_limit || known.consumers.contains_key(&id);
        let (id, name) = if has_room { (id, name) } else { (Uuid::nil(), OTHER) };
        let fresh = |route: &Series| {
            let series = Series::of_consumer(route.labels.of_consumer(name));
            announce(series, &self.announce)
        };
        match known.consumers.entry(id) {
            Entry::Vacant(place) => {
                self.consumers += 1;
                place.insert(fresh(&known.series)).count(seen);
            }
            Entry::Occupied(place) => {
                let series = place.into_mut();
                if series.labels.consumer != name {
                    series.retire();
                    *series = fresh(&known.series);
                }
                series.count(seen);
            }
        }
    }

    fn overflow(&self, facts: &RouteFacts) -> &Series {
        if facts.route.is_stream() { &self.overflow_streams } else { &self.overflow }
    }

    /// Leaves out the routes that no snapshot holds any more. Runs only when the bound is reached.
    fn forget_deleted(&mut self) {
        let consumers = &mut self.consumers;
        self.known.retain(|_, known| {
            let used = known.facts.strong_count() > 0;
            if !used {
                *consumers -= known.retire();
            }
            used
        });
    }
}

impl Known {
    /// A newer snapshot: counts go on unless the route or its service has another name now. Says how many
    /// series of consumers are gone.
    fn follow(&mut self, facts: &Arc<RouteFacts>, announce: &Sender<Arc<Series>>) -> usize {
        self.facts = Arc::downgrade(facts);
        let labels = Labels::of(facts);
        if labels == self.series.labels {
            return 0;
        }
        let gone = self.retire();
        self.series = announced(labels, announce);
        gone
    }

    /// The next scrape leaves all of its series out. Says how many of consumers there were.
    fn retire(&mut self) -> usize {
        self.series.retire();
        let consumers = std::mem::take(&mut self.consumers);
        consumers.values().for_each(|series| series.retire());
        consumers.len()
    }
}

/// The new series of a route.
pub(super) fn announced(labels: Labels, to: &Sender<Arc<Series>>) -> Arc<Series> {
    announce(Series::new(labels), to)
}

/// The next scrape will see it.
fn announce(series: Series, to: &Sender<Arc<Series>>) -> Arc<Series> {
    let series = Arc::new(series);
    // An error means that nobody will ever scrape.
    _ = to.send(Arc::clone(&series));
    series
}

#[cfg(test)]
impl Routes {
    pub(super) fn limit(&mut self, routes: usize, consumers: usize) {
        (self.limit, self.consumer_limit) = (routes, consumers);
    }
}
