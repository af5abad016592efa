//! One upstream with its targets, as far as they are known now.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;

use crate::balancer::{
    AddressState, Balancer, HashSource, HashSources, HealthRules, Place, Table, TableSpec, TargetSpec,
    Thresholds,
};
use crate::config::Outliers;
use crate::dns::{Answer, Name, Names, Record};
use crate::model::{HashOn, Target, Upstream};
use crate::snapshot::Entity;

/// What is counted for the addresses of one upstream, by the host of the target and the address.
type States = HashMap<(Arc<str>, SocketAddr), Arc<AddressState>>;

/// One upstream with its targets, as far as they are known now.
pub(super) struct Kept {
    pub(super) entity: Arc<Entity<Upstream>>,
    targets: Vec<KeptTarget>,
    states: States,
    pub(super) balancer: Arc<Balancer>,
    health: Arc<HealthRules>,
}

/// A target and where it is.
struct KeptTarget {
    entity: Arc<Entity<Target>>,
    host: Arc<str>,
    port: u16,
    source: Source,
}

enum Source {
    Address(IpAddr),
    /// A name, and the answer that the table was made with.
    Name(Arc<Name>, Arc<Answer>),
}

impl Kept {
    /// Takes over an upstream and its targets; what is counted comes from `before`.
    pub(super) fn new(
        entity: &Arc<Entity<Upstream>>,
        targets: &[Arc<Entity<Target>>],
        names: &Names,
        outliers: Option<Outliers>,
        before: Option<Self>,
    ) -> Self {
        let upstream = &entity.value;
        let targets: Vec<_> = targets.iter().filter_map(|target| KeptTarget::new(target, names)).collect();
        let (mut states, known) = match before {
            Some(before) => (before.states, Some(before.balancer)),
            None => (States::new(), None),
        };
        let health = Arc::new(HealthRules { outliers, ..rules(upstream) });
        let table = table(upstream, &targets, &health, &mut states);
        let balancer = match known.filter(|known| **known.name() == *upstream.name) {
            Some(known) => {
                known.replace(table);
                known
            }
            None => Arc::new(Balancer::new(upstream.id, upstream.name.as_str().into(), table)),
        };
        Self { entity: Arc::clone(entity), targets, states, balancer, health }
    }

    /// Whether it was made from the very same entities.
    pub(super) fn is_of(&self, entity: &Arc<Entity<Upstream>>, targets: &[Arc<Entity<Target>>]) -> bool {
        Arc::ptr_eq(&self.entity, entity)
            && self.targets.len() == targets.len()
            && self.targets.iter().zip(targets).all(|(kept, target)| Arc::ptr_eq(&kept.entity, target))
    }

    /// Takes over new answers to the names of targets. True if there were any.
    pub(super) fn look_up(&mut self) -> bool {
        let mut changed = false;
        for target in &mut self.targets {
            if let Source::Name(name, answer) = &mut target.source {
                let newest = name.answer();
                changed |= !Arc::ptr_eq(answer, &newest);
                *answer = newest;
            }
        }
        if changed {
            let table = table(&self.entity.value, &self.targets, &self.health, &mut self.states);
            self.balancer.replace(table);
        }
        changed
    }
}

impl KeptTarget {
    fn new(entity: &Arc<Entity<Target>>, names: &Names) -> Option<Self> {
        let (host, port) = entity.value.target.rsplit_once(':')?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let source = match bare.parse::<IpAddr>() {
            Ok(address) => Source::Address(address),
            Err(_) => {
                let name = names.name(bare);
                name.keep_always();
                let answer = name.answer();
                Source::Name(name, answer)
            }
        };
        // An address is shown as people write it.
        let host = match &source {
            Source::Address(address) => address.to_string().into(),
            Source::Name(..) => bare.into(),
        };
        Some(Self { entity: Arc::clone(entity), host, port: port.parse().ok()?, source })
    }

    fn spec(&self, use_srv_name: bool, state: impl FnMut(SocketAddr) -> Arc<AddressState>) -> TargetSpec {
        let weight = self.entity.value.weight;
        let pending = match &self.source {
            Source::Address(_) => false,
            Source::Name(_, answer) => matches!(**answer, Answer::Pending),
        };
        TargetSpec {
            target: self.entity.value.target.as_str().into(),
            host: Arc::clone(&self.host),
            port: self.port,
            weight,
            places: self.places(use_srv_name, state),
            pending,
            dns: self.dns(),
        }
    }

    /// Kong takes an address for a record of service that it made up.
    fn dns(&self) -> &'static str {
        match &self.source {
            Source::Address(_) => "ttl=0, virtual SRV",
            Source::Name(_, answer) => match &**answer {
                Answer::Found(found) if found.records.iter().any(|record| record.name.is_some()) => "SRV",
                Answer::Found(found) if found.records.iter().any(|record| record.address.is_ipv6()) => "AAAA",
                Answer::Found(_) => "A",
                Answer::Pending | Answer::Failed(_) => "no records",
            },
        }
    }

    fn places(&self, use_srv_name: bool, state: impl FnMut(SocketAddr) -> Arc<AddressState>) -> Vec<Place> {
        let mut state = state;
        let own = self.entity.value.weight;
        let mut place = |address, port, weight, name| Place {
            state: state(SocketAddr::new(address, port)),
            weight,
            name,
        };
        let answer = match &self.source {
            Source::Address(address) => return vec![place(*address, self.port, own, None)],
            Source::Name(_, answer) => answer,
        };
        let Answer::Found(found) = &**answer else { return Vec::new() };
        let of = |record: &Record| {
            // A record of service brings its own weight; a target without any gets nothing.
            let weight = if record.name.is_some() && own > 0 { record.weight } else { own };
            let name = record.name.clone().filter(|_| use_srv_name);
            place(record.address, record.port.unwrap_or(self.port), weight, name)
        };
        found.records.iter().map(of).collect()
    }
}

fn table(
    upstream: &Upstream,
    targets: &[KeptTarget],
    health: &Arc<HealthRules>,
    states: &mut States,
) -> Table {
    let mut used = States::new();
    let use_srv_name = upstream.use_srv_name == Some(true);
    let mut specs = Vec::new();
    for target in targets {
        let state = |address| {
            let key = (Arc::clone(&target.host), address);
            let state = states.get(&key).cloned().unwrap_or_else(|| Arc::new(AddressState::new(address)));
            used.insert(key, Arc::clone(&state));
            state
        };
        specs.push(target.spec(use_srv_name, state));
    }
    // What is no longer an address of a target begins anew when it comes back.
    *states = used;
    Table::new(TableSpec {
        algorithm: upstream.algorithm,
        slots: upstream.slots,
        hash: hash(upstream),
        health: Arc::clone(health),
        threshold: upstream.healthchecks.threshold,
        host_header: upstream.host_header.as_deref().and_then(|host| HeaderValue::from_str(host).ok()),
        targets: specs,
    })
}

fn hash(upstream: &Upstream) -> HashSources {
    let cookie = (upstream.hash_on_cookie.as_deref(), upstream.hash_on_cookie_path.as_deref());
    let source =
        |on: HashOn, header: &Option<String>, argument: &Option<String>, capture: &Option<String>| {
            HashSource::new(on, header.as_deref(), cookie, argument.as_deref(), capture.as_deref())
        };
    HashSources {
        on: source(
            upstream.hash_on,
            &upstream.hash_on_header,
            &upstream.hash_on_query_arg,
            &upstream.hash_on_uri_capture,
        ),
        fallback: source(
            upstream.hash_fallback,
            &upstream.hash_fallback_header,
            &upstream.hash_fallback_query_arg,
            &upstream.hash_fallback_uri_capture,
        ),
    }
}

fn rules(upstream: &Upstream) -> HealthRules {
    let checks = &upstream.healthchecks;
    HealthRules {
        passive: Thresholds::new(checks.passive.healthy.clone(), checks.passive.unhealthy.clone()),
        active: Thresholds::new(checks.active.healthy.clone(), checks.active.unhealthy.clone()),
        on: checks.are_on(),
        outliers: None,
    }
}
