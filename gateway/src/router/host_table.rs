//! From a host to the path tries that can hold its routes.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::host::{HostKind, HostPattern};
use super::trie::Root;

/// Names to tries. Keys come from operators alone, so a fast hash is safe here.
type Names = HashMap<Box<str>, Ports, RandomState>;

/// Where the routes of each host pattern are.
#[derive(Debug, Default)]
pub(super) struct HostTable {
    exact: Names,
    ends: Names,
    starts: Names,
    any: Ports,
    /// The longest keys of `ends` and `starts`: bounds the work for an absurdly long host.
    longest_end: usize,
    longest_start: usize,
}

/// The tries of one name: for any port, and for those that patterns name.
#[derive(Debug, Default)]
struct Ports {
    any: Option<Root>,
    named: Vec<(u16, Root)>,
}

impl HostTable {
    /// Puts the trie of one pattern in. Each pattern comes once; `None` is "whatever the host".
    pub(super) fn insert(&mut self, pattern: Option<&HostPattern>, root: Root) {
        let Some(pattern) = pattern else {
            self.any.any = Some(root);
            return;
        };
        let ports = match &pattern.kind {
            HostKind::Any => &mut self.any,
            HostKind::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostKind::EndsWith(end) => {
                self.longest_end = self.longest_end.max(end.len());
                self.ends.entry(end.clone()).or_default()
            }
            HostKind::StartsWith(start) => {
                self.longest_start = self.longest_start.max(start.len());
                self.starts.entry(start.clone()).or_default()
            }
        };
        match pattern.port {
            Some(port) => ports.named.push((port, root)),
            None => ports.any = Some(root),
        }
    }

    /// Calls `visit` with each trie whose host pattern fits; plain names first, since they tend to
    /// hold the winner.
    pub(super) fn each(&self, host: &str, port: u16, mut visit: impl FnMut(Root)) {
        if let Some(ports) = self.exact.get(host) {
            ports.each(port, &mut visit);
        }
        if !self.ends.is_empty() {
            let from = host.len().saturating_sub(self.longest_end);
            let tails = dots(host).filter(|dot| *dot >= from).filter_map(|dot| host.get(dot..));
            tails.filter_map(|tail| self.ends.get(tail)).for_each(|ports| ports.each(port, &mut visit));
        }
        if !self.starts.is_empty() {
            let heads =
                dots(host).take_while(|dot| *dot < self.longest_start).filter_map(|dot| host.get(..=dot));
            heads.filter_map(|head| self.starts.get(head)).for_each(|ports| ports.each(port, &mut visit));
        }
        self.any.each(port, &mut visit);
    }
}

fn dots(host: &str) -> impl Iterator<Item = usize> {
    memchr::memchr_iter(b'.', host.as_bytes())
}

impl Ports {
    fn each(&self, port: u16, visit: &mut impl FnMut(Root)) {
        self.named.iter().filter(|(named, _)| *named == port).for_each(|(_, root)| visit(*root));
        self.any.iter().for_each(|root| visit(*root));
    }
}
