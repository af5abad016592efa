//! What building a snapshot costs as the configuration grows: whole, after a change of one route, and
//! after a change that is none of the routes' business.
//!
//! `cargo bench -p weir --bench snapshot` prints one line for each size.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;
use weir::dns::Names;
use weir::model::Document;
use weir::snapshot::{AssignedPlugins, Configuration, Snapshot, Surroundings, build};

/// Routes of each service.
const ROUTES_EACH: usize = 10;

fn main() {
    println!(
        "{:>8} {:>10} {:>10} {:>14} {:>14}",
        "routes", "read ms", "whole ms", "one route ms", "no route ms"
    );
    for count in [10, 1_000, 10_000, 100_000] {
        measure(count);
    }
}

fn measure(count: usize) {
    let documents = BTreeMap::from([
        ("services".to_owned(), (0..count.div_ceil(ROUTES_EACH)).map(service).collect::<Vec<_>>()),
        ("routes".to_owned(), (0..count).map(|n| route(n, 0)).collect()),
    ]);
    let plugins = AssignedPlugins::new();
    let (balancers, names) = (Arc::default(), Names::unknown());
    let around = Surroundings { balancers: &balancers, names: &names };
    let (read, configuration) =
        timed(|| Configuration::from_documents(&documents, &Configuration::default()));
    let (whole, (first, faults)) = timed(|| build(1, &configuration, &plugins, around, &Snapshot::default()));
    assert_eq!((first.route_count(), faults.len()), (count, 0));

    let (one, (second, _)) = timed(|| {
        let mut changed = configuration.clone();
        changed.set("routes", &route(count / 2, 1), &configuration);
        build(2, &changed, &plugins, around, &first)
    });
    let (none, _) = timed(|| build(3, &configuration, &plugins, around, &first));
    assert_eq!(second.route_count(), count);
    println!("{count:>8} {:>10.1} {:>10.1} {:>14.1} {:>14.1}", ms(read), ms(whole), ms(one), ms(none));
}

fn service(n: usize) -> Document {
    document(json!({
        "id": id(1, n), "name": format!("service-{n}"), "protocol": "http", "host": format!("up-{n}.test"),
        "port": 80, "path": null, "retries": 5, "connect_timeout": 60_000, "write_timeout": 60_000,
        "read_timeout": 60_000, "enabled": true, "tls_verify": null, "tags": null,
    }))
}

fn route(n: usize, change: usize) -> Document {
    document(json!({
        "id": id(2, n), "name": format!("route-{n}"), "service": {"id": id(1, n / ROUTES_EACH)},
        "protocols": ["http", "https"], "methods": null, "hosts": [format!("tenant-{}.example.com", n % 1_000)],
        "paths": [format!("/api/item-{n}/{change}")], "headers": null, "snis": null, "regex_priority": 0,
        "strip_path": true, "preserve_host": false, "https_redirect_status_code": 426, "path_handling": "v0",
        "tags": null,
    }))
}

fn id(kind: u128, n: usize) -> Uuid {
    Uuid::from_u128((kind << 64) | n as u128)
}

#[expect(clippy::expect_used, reason = "a benchmark may stop at its own mistake")]
fn document(value: Value) -> Document {
    value.as_object().cloned().expect("an object")
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
