//! How names are looked up.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use super::proxy::list;
use super::{seconds, word};
use crate::config::reader::Reader;
use crate::config::settings::{DnsSettings, RecordKind};
use crate::config::units;

/// Where servers listen unless it is said.
const PORT: u16 = 53;

const KINDS: [(&str, RecordKind); 5] = [
    ("LAST", RecordKind::Last),
    ("SRV", RecordKind::Srv),
    ("A", RecordKind::A),
    ("AAAA", RecordKind::Aaaa),
    ("CNAME", RecordKind::Cname),
];

pub(super) fn read(reader: &mut Reader) -> DnsSettings {
    DnsSettings {
        resolvers: reader.read("dns_resolver", |text| list(text).map(server).collect()),
        hostsfile: PathBuf::from(reader.text("dns_hostsfile")),
        order: reader.read("dns_order", order),
        valid_ttl: reader
            .read("dns_valid_ttl", |text| if text.is_empty() { Ok(None) } else { seconds(text).map(Some) }),
        stale_ttl: reader.read("dns_stale_ttl", seconds),
        not_found_ttl: reader.read("dns_not_found_ttl", seconds),
        error_ttl: reader.read("dns_error_ttl", seconds),
        cache_size: reader.read("dns_cache_size", |text| {
            usize::try_from(units::count(text, 1, 10_000_000)?).map_err(|error| error.to_string())
        }),
    }
}

fn server(text: &str) -> Result<SocketAddr, String> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let alone = bare.parse::<IpAddr>().map(|address| SocketAddr::new(address, PORT));
    alone.or_else(|_| text.parse()).map_err(|_| format!("'{text}' is not an address, with or without a port"))
}

fn order(text: &str) -> Result<Vec<RecordKind>, String> {
    let kinds: Vec<_> =
        list(text).map(|part| word(&part.to_ascii_uppercase(), &KINDS)).collect::<Result<_, _>>()?;
    let asks = |kind: &RecordKind| matches!(kind, RecordKind::Srv | RecordKind::A | RecordKind::Aaaa);
    if kinds.iter().any(asks) { Ok(kinds) } else { Err("allowed: SRV, A or AAAA at least".to_owned()) }
}
