//! Who may import whom, and who may name which crate: the two tables that keep the layers true.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::{Names, names};
use crate::source::{assert_none, files, is_tests, read};

/// Each module of the gateway and the modules that it may import.
const MODULES: &[(&str, &[&str])] = &[
    ("clock", &[]),
    ("expression", &[]),
    ("sealing", &[]),
    ("vault", &[]),
    ("shutdown", &[]),
    ("task", &[]),
    ("config", &["sealing", "vault"]),
    ("model", &["expression", "vault"]),
    ("confinement", &["config"]),
    ("handover", &["shutdown"]),
    ("declarative", &["model"]),
    ("exchange", &["model"]),
    ("router", &["exchange", "expression", "model"]),
    ("store", &["config", "model", "sealing"]),
    ("balancer", &["config", "model"]),
    ("dns", &["balancer", "config", "task"]),
    ("client", &["task"]),
    ("shared", &["config", "store"]),
    ("tls", &["config", "exchange"]),
    ("telemetry", &["clock", "config", "exchange", "model", "task"]),
    ("identity", &["exchange", "model", "store"]),
    (
        "plugin_host",
        &[
            "client",
            "clock",
            "confinement",
            "exchange",
            "identity",
            "model",
            "shared",
            "task",
            "telemetry",
            "vault",
        ],
    ),
    ("registry", &["client", "plugin_host"]),
    (
        "snapshot",
        &["balancer", "client", "dns", "exchange", "model", "plugin_host", "router", "tls", "vault"],
    ),
    ("upstreams", &["balancer", "client", "config", "dns", "model", "snapshot", "task"]),
    (
        "reload",
        &[
            "clock",
            "dns",
            "identity",
            "model",
            "plugin_host",
            "shutdown",
            "snapshot",
            "store",
            "task",
            "telemetry",
            "upstreams",
            "vault",
        ],
    ),
    (
        "proxy",
        &[
            "balancer",
            "client",
            "clock",
            "config",
            "dns",
            "exchange",
            "model",
            "plugin_host",
            "router",
            "shutdown",
            "snapshot",
            "task",
            "telemetry",
            "tls",
        ],
    ),
    (
        "admin",
        &[
            "balancer",
            "clock",
            "config",
            "declarative",
            "model",
            "plugin_host",
            "reload",
            "shutdown",
            "store",
            "task",
            "telemetry",
            "tls",
        ],
    ),
    (
        "app",
        &[
            "admin",
            "balancer",
            "client",
            "clock",
            "config",
            "dns",
            "exchange",
            "handover",
            "identity",
            "model",
            "plugin_host",
            "proxy",
            "registry",
            "reload",
            "router",
            "shared",
            "shutdown",
            "snapshot",
            "store",
            "task",
            "telemetry",
            "tls",
            "upstreams",
            "vault",
        ],
    ),
    ("rehearsal", &["clock", "exchange", "model", "plugin_host", "shared", "telemetry"]),
    (
        "cli",
        &[
            "app",
            "client",
            "clock",
            "config",
            "confinement",
            "declarative",
            "model",
            "plugin_host",
            "rehearsal",
            "shutdown",
            "store",
            "task",
            "telemetry",
        ],
    ),
];

/// Large outside crates and the only places that name them.
const CRATES: &[(&str, &[&str])] = &[
    ("anyhow", &["main.rs"]),
    (
        "aws_lc_rs",
        &[
            "admin/access/",
            "client/",
            "model/kinds/admin_token.rs",
            "model/kinds/oauth2.rs",
            "model/pem.rs",
            "plugin_host/",
            "sealing/",
            "tls/",
        ],
    ),
    ("arc_swap", &["balancer/", "dns/", "snapshot/"]),
    ("axum", &["admin/"]),
    ("clap", &["cli/"]),
    ("landlock", &["confinement/"]),
    ("seccompiler", &["confinement/"]),
    ("h2", &["client/"]),
    ("hyper", &["proxy/", "client/", "cli/demo.rs", "cli/plugin/run/record.rs"]),
    ("hyper_util", &["proxy/", "client/", "cli/demo.rs", "cli/plugin/run/record.rs"]),
    ("hickory_resolver", &["dns/"]),
    ("indicatif", &["cli/progress.rs", "cli/secrets.rs"]),
    ("miniz_oxide", &["plugin_host/load/"]),
    ("moka", &["identity/", "plugin_host/"]),
    ("multer", &["admin/"]),
    ("notify", &["cli/plugin/"]),
    ("redis", &["shared/"]),
    ("rcgen", &["tls/self_signed.rs"]),
    ("rustls", &["client/", "tls/"]),
    ("serde_saphyr", &["config/", "declarative/", "rehearsal/"]),
    ("sqlx", &["store/"]),
    ("tokio_rustls", &["client/", "tls/"]),
    ("tracing_subscriber", &["telemetry/"]),
    ("wasmparser", &["plugin_host/"]),
    ("wasmtime", &["plugin_host/"]),
    ("webpki", &["client/"]),
    ("webpki_roots", &["client/"]),
    ("weir_plugin_build", &["cli/plugin/"]),
    ("x509_parser", &["model/pem.rs"]),
    ("xxhash_rust", &["balancer/"]),
];

/// Calls that have one home, and why.
const CALLS: &[(&str, &[&str], &str)] = &[
    ("tokio::spawn", &["task.rs"], "task::spawn counts panics"),
    ("process::exit", &[], "an exit code is returned up to main, so that everything is dropped in order"),
];

/// A source file of the gateway.
struct File {
    /// From gateway/src.
    path: String,
    module: String,
    names: Names,
}

fn sources() -> Vec<File> {
    let read = files("gateway/src", ".rs").into_iter().filter(|source| !is_tests(&source.path));
    read.map(|source| {
        let path = source.path.trim_start_matches("gateway/src/").to_owned();
        let module = path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        let names = names(&source.text).unwrap_or_else(|error| panic!("{path}: {error}"));
        File { path, module, names }
    })
    .collect()
}

fn table() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    MODULES.iter().map(|(module, may)| (*module, may.iter().copied().collect())).collect()
}

#[test]
fn modules_import_only_what_their_row_names() {
    let table = table();
    let mut faults = Vec::new();
    for File { path, module, names } in
        sources().iter().filter(|file| table.contains_key(file.module.as_str()))
    {
        for imported in names.modules.iter().filter(|imported| table.contains_key(imported.as_str())) {
            let allowed = imported == module
                || table.get(module.as_str()).is_some_and(|row| row.contains(imported.as_str()));
            if !allowed {
                faults.push(format!("{path} imports {imported}"));
            }
        }
    }
    assert_none("imports that the table in tests/tidy/imports.rs does not allow", faults);
}

#[test]
fn every_module_has_a_row_and_every_row_a_module() {
    let declared: BTreeSet<String> = read("gateway/src/lib.rs")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("pub mod ")?.trim_end_matches(';').to_owned()))
        .collect();
    let rows: BTreeSet<String> = MODULES.iter().map(|(module, _)| (*module).to_owned()).collect();
    assert_eq!(declared, rows, "lib.rs and the table name the same modules");
}

#[test]
fn the_table_has_no_cycle() {
    let mut left = table();
    while !left.is_empty() {
        let names: BTreeSet<_> = left.keys().copied().collect();
        let free: Vec<_> =
            left.iter().filter(|(_, may)| may.is_disjoint(&names)).map(|(name, _)| *name).collect();
        assert!(!free.is_empty(), "these modules import each other in a circle: {names:?}");
        for name in free {
            left.remove(name);
        }
    }
}

#[test]
fn large_crates_have_one_home() {
    let mut faults = Vec::new();
    for File { path, names, .. } in &sources() {
        for (name, homes) in CRATES.iter().filter(|(name, _)| names.firsts.contains(*name)) {
            if !homes.iter().any(|home| path.starts_with(home)) {
                faults.push(format!("{path} names {name}, whose home is {}", homes.join(", ")));
            }
        }
    }
    assert_none("crates named outside their home", faults);
}

#[test]
fn some_calls_have_one_home() {
    let mut faults = Vec::new();
    for File { path, names, .. } in &sources() {
        for (call, homes, reason) in CALLS.iter().filter(|(call, ..)| names.pairs.contains(*call)) {
            if !homes.contains(&path.as_str()) {
                faults.push(format!("{path} calls {call}: {reason}"));
            }
        }
    }
    assert_none("calls outside their home", faults);
}

#[test]
fn nobody_climbs_two_steps() {
    let climbs = sources().into_iter().filter(|file| file.names.climbs).map(|file| file.path).collect();
    assert_none("files with super::super, which hides an import from the table", climbs);
}
