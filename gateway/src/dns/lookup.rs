//! Questions to the resolver, in the operator's order.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::rdata::SRV;
use hickory_resolver::proto::rr::{Name as DnsName, RData, Record as DnsRecord, RecordType};
use hickory_resolver::{Hosts, Resolver, TokioResolver, system_conf};

use super::{DnsFailure, Record};
use crate::config::{DnsSettings, RecordKind};

/// A name in the file of hosts never changes; it is looked at again all the same.
const STATIC: Duration = Duration::from_secs(3600);

/// Asks the resolver.
pub(super) struct Lookup {
    resolver: TokioResolver,
    hosts: Hosts,
    order: Vec<RecordKind>,
}

/// Addresses, and how long they are good for.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) records: Vec<Record>,
    pub(super) lifetime: Duration,
    /// The type that had them: asked for first the next time.
    pub(super) kind: RecordKind,
}

impl Lookup {
    /// Reads the system's resolver configuration and the file of hosts. Must be called in a runtime.
    ///
    /// A system without servers is no reason not to start: every look-up fails until there is one.
    ///
    /// # Errors
    ///
    /// If no resolver can be made of them.
    pub(super) fn new(settings: &DnsSettings) -> Result<Self, NetError> {
        let (mut config, mut options) = system_conf::read_system_conf()
            .unwrap_or_else(|_| (ResolverConfig::default(), ResolverOpts::default()));
        if !settings.resolvers.is_empty() {
            let (domain, search, _) = config.into_parts();
            config =
                ResolverConfig::from_parts(domain, search, settings.resolvers.iter().map(server).collect());
        }
        // Lifetimes are ours to watch, and so is the file of hosts.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let mut builder = Resolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        let resolver = builder.build()?;
        Ok(Self { resolver, hosts: hosts(&settings.hostsfile), order: settings.order.clone() })
    }

    /// The addresses of a name, by the first type of record that there is; `last` had them before.
    pub(super) async fn resolve(&self, host: &str, last: Option<RecordKind>) -> Result<Resolved, DnsFailure> {
        if let Some(records) = self.known(host) {
            return Ok(Resolved { records, lifetime: STATIC, kind: RecordKind::Last });
        }
        let mut worst = DnsFailure::NotFound;
        let last = last.filter(|_| self.order.contains(&RecordKind::Last));
        let rest = self.order.iter().copied().filter(|kind| Some(*kind) != last);
        for kind in last.into_iter().chain(rest) {
            let found = match kind {
                RecordKind::Srv => self.services(host).await,
                RecordKind::A => self.addresses(host, RecordType::A).await,
                RecordKind::Aaaa => self.addresses(host, RecordType::AAAA).await,
                // The resolver follows aliases by itself.
                RecordKind::Last | RecordKind::Cname => continue,
            };
            match found {
                Ok((records, lifetime)) => return Ok(Resolved { records, lifetime, kind }),
                // That the server cannot say goes before that it says there is nothing.
                Err(failure) if worst.is_final() => worst = worse(worst, failure),
                Err(_) => {}
            }
        }
        Err(worst)
    }

    fn known(&self, host: &str) -> Option<Vec<Record>> {
        let name = DnsName::from_utf8(host).ok()?;
        let of = |kind| {
            let lookup = self.hosts.lookup_static_host(&Query::query(name.clone(), kind))?;
            let records: Vec<_> =
                lookup.answers().iter().filter_map(|record| plain(record.data.ip_addr()?)).collect();
            (!records.is_empty()).then_some(records)
        };
        of(RecordType::A).or_else(|| of(RecordType::AAAA))
    }

    async fn addresses(&self, host: &str, kind: RecordType) -> Result<(Vec<Record>, Duration), DnsFailure> {
        let lookup = self.resolver.lookup(host, kind).await.map_err(|error| DnsFailure::of(&error))?;
        let mut lifetime = u32::MAX;
        let mut records = Vec::new();
        for record in lookup.answers() {
            // The aliases on the way have lifetimes too.
            lifetime = lifetime.min(record.ttl);
            records.extend(record.data.ip_addr().and_then(plain));
        }
        if records.is_empty() {
            return Err(DnsFailure::Empty);
        }
        // Servers turn the order round; the balancer's must not follow.
        records.sort_by_key(|record| record.address);
        records.dedup();
        Ok((records, Duration::from_secs(lifetime.into())))
    }

    /// Records of service: those of the best priority, and the addresses of the names in them.
    async fn services(&self, host: &str) -> Result<(Vec<Record>, Duration), DnsFailure> {
        let lookup =
            self.resolver.lookup(host, RecordType::SRV).await.map_err(|error| DnsFailure::of(&error))?;
        let services = || lookup.answers().iter().filter_map(service);
        let best = services().map(|(_, service)| service.priority).min().ok_or(DnsFailure::Empty)?;
        let mut lifetime = Duration::MAX;
        let mut records = Vec::new();
        let mut failed = DnsFailure::Empty;
        for (ttl, service) in services().filter(|(_, service)| service.priority == best) {
            let name = service.target.to_ascii();
            let name = name.trim_end_matches('.');
            let found = match self.known(name) {
                Some(found) => Ok((found, STATIC)),
                None => self.of_service(name).await,
            };
            let (found, of_name) = match found {
                Ok(found) => found,
                Err(failure) => {
                    failed = failure;
                    continue;
                }
            };
            lifetime = lifetime.min(of_name).min(Duration::from_secs(ttl.into()));
            let port = Some(service.port).filter(|port| *port != 0);
            let weight = u32::from(service.weight).max(1);
            let name: Arc<str> = name.into();
            let of = |record: Record| Record { port, weight, name: Some(Arc::clone(&name)), ..record };
            records.extend(found.into_iter().map(of));
        }
        if records.is_empty() { Err(failed) } else { Ok((records, lifetime)) }
    }

    /// The addresses of a name that a record of service gave. It may itself be an address.
    async fn of_service(&self, name: &str) -> Result<(Vec<Record>, Duration), DnsFailure> {
        if let Some(record) = name.parse().ok().and_then(plain) {
            return Ok((vec![record], Duration::MAX));
        }
        match self.addresses(name, RecordType::A).await {
            Err(failure) if failure.is_final() => self.addresses(name, RecordType::AAAA).await,
            found => found,
        }
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    server.connections.iter_mut().for_each(|connection| connection.port = address.port());
    server
}

fn service(record: &DnsRecord) -> Option<(u32, &SRV)> {
    let RData::SRV(service) = &record.data else { return None };
    Some((record.ttl, service))
}

/// An address alone.
#[expect(clippy::unnecessary_wraps, reason = "it stands in chains of options")]
fn plain(address: IpAddr) -> Option<Record> {
    Some(Record { address, port: None, weight: 1, name: None })
}

fn worse(one: DnsFailure, other: DnsFailure) -> DnsFailure {
    match (one, other) {
        (DnsFailure::NotFound, other) => other,
        (one, other) if other.is_final() => one,
        (_, other) => other,
    }
}

/// The file of hosts; one that cannot be read is an empty one.
fn hosts(path: &Path) -> Hosts {
    let mut hosts = Hosts::default();
    let read = std::fs::File::open(path).and_then(|file| hosts.read_hosts_conf(file));
    if let Err(error) = read {
        tracing::warn!(path = %path.display(), %error, "the file of hosts cannot be read");
    }
    hosts
}
