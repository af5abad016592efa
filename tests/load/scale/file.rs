//! The declarative file of a large site: services of ten routes each, consumers of one key each.

use std::io::{BufWriter, Write as _};
use std::path::Path;

/// How much of each kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) routes: usize,
}

impl Size {
    /// As `WEIR_TEST_SCALE` says, in routes.
    pub(super) fn wanted() -> Self {
        let routes = std::env::var("WEIR_TEST_SCALE").ok().and_then(|text| text.parse().ok());
        Self { routes: routes.unwrap_or(1_000) }
    }

    pub(super) fn services(self) -> usize {
        self.routes.div_ceil(10)
    }

    pub(super) fn consumers(self) -> usize {
        self.routes * 10
    }

    /// Services, routes, consumers, keys and the assignment that asks for them.
    pub(super) fn entities(self) -> usize {
        self.services() + self.routes + 2 * self.consumers() + 1
    }
}

/// Writes it. All services are at `url`; `/guarded` wants a key.
pub(super) fn write(path: &Path, size: Size, url: &str) -> anyhow::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "_format_version: \"3.0\"\nservices:")?;
    for service in 0..size.services() {
        writeln!(
            file,
            "- name: service-{service}\n  url: {url}\n  tags: [team-{}]\n  routes:",
            service % 100
        )?;
        for route in (service * 10..size.routes).take(10) {
            writeln!(
                file,
                "  - name: route-{route}\n    paths: [/area-{}/route-{route}]\n    tags: [area-{}]",
                route % 100,
                route % 100
            )?;
            // Every other one is for a host.
            if route % 2 == 1 {
                writeln!(file, "    hosts: [tenant-{}.example.com]", route % 1_000)?;
            }
        }
        if service == 0 {
            writeln!(file, "  - name: guarded\n    paths: [/guarded]\n    plugins:\n    - name: key-auth")?;
        }
    }
    writeln!(file, "consumers:")?;
    for consumer in 0..size.consumers() {
        writeln!(
            file,
            "- username: consumer-{consumer}\n  tags: [plan-{}]\n  keyauth_credentials:\n  - key: key-{consumer}",
            consumer % 100
        )?;
    }
    Ok(file.flush()?)
}
